/* capture_cat FILE...: all that captures hold, uncompressed, to standard output: for tests that
 * look for what must not be in them. May not: understand any of it. */
#include <fcntl.h>
#include <stdio.h>

#include "reconciler/capture/file.h"

static int cat(const char *path)
{
    struct error error = {""};
    struct capture_reader *reader = capture_reader_new(open(path, O_RDONLY | O_CLOEXEC), &error);
    if (reader == NULL) {
        fprintf(stderr, "%s: %s\n", path, error.text);
        return 1;
    }
    puts(capture_reader_head(reader));
    while (capture_reader_next(reader, &error) == CAPTURE_CHUNK) {
        enum capture_item_kind kind;
        const unsigned char *bytes;
        size_t length;
        while (capture_reader_item(reader, &kind, &bytes, &length, &error))
            fwrite(bytes, 1, length, stdout);
    }
    capture_reader_free(reader);
    return 0;
}

int main(int count, char **path)
{
    int status = 0;
    for (int i = 1; i < count; i++)
        status |= cat(path[i]);
    return status;
}
