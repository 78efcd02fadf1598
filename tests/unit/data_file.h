/* Reads a file of tests/data. A missing one fails the test at once. */
#ifndef EBBTIDE_TESTS_UNIT_DATA_FILE_H
#define EBBTIDE_TESTS_UNIT_DATA_FILE_H

#include <CUnit/CUnit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The caller frees. */
static inline char *data_file(const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/data/%s", TEST_SOURCE_DIR, name);
    FILE *file = fopen(path, "re");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    char *text = calloc(1, 65536);
    size_t length = text == NULL ? 0 : fread(text, 1, 65535, file);
    CU_ASSERT_TRUE_FATAL(length > 0);
    fclose(file);
    return text;
}

#endif
