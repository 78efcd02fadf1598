/* `ebbtide status`: the table of people, once, or again and again on a terminal.
 * May not: change anything. */
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "common/status_table.h"
#include "supervisor/client.h"
#include "supervisor/commands.h"

#define WATCH_S     1
#define SCREEN_HOME "\033[H\033[J" /* ECMA-48: cursor to the corner, erase what follows */
#define CURSOR_HIDE "\033[?25l"
#define CURSOR_SHOW "\033[?25h"

static volatile sig_atomic_t ended;

static void on_signal(int number)
{
    (void)number;
    ended = 1;
}

/* One picture; a new connection where there is none. False with a sentence. */
static bool show(struct client **client, const char *path, const char *before, struct error *error)
{
    if (*client == NULL)
        *client = client_open(path, error);
    struct message *message = *client == NULL ? NULL : client_status(*client, error);
    if (message == NULL) {
        client_free(*client);
        *client = NULL;
        return false;
    }
    struct status_table_style style = status_table_style_for(stdout);
    fputs(before, stdout);
    status_table_print(message_status(message), &style, stdout);
    fflush(stdout);
    message_free(message);
    return true;
}

/* Until Ctrl-C; a daemon that is not there (yet, or any more) is said and asked again. */
static void watch(struct client **client, const char *path)
{
    bool screen = isatty(STDOUT_FILENO) == 1;
    const struct sigaction end = {.sa_handler = on_signal};
    (void)sigaction(SIGINT, &end, NULL);
    (void)sigaction(SIGTERM, &end, NULL);
    if (screen)
        fputs(CURSOR_HIDE, stdout);
    while (!ended) {
        struct error error = {""};
        if (!show(client, path, screen ? SCREEN_HOME : "", &error) && !ended)
            printf("%s%s\n", screen ? SCREEN_HOME : "", error.text);
        fflush(stdout);
        if (ferror(stdout))
            return; /* who watched has gone */
        if (!ended)
            sleep(WATCH_S);
    }
    if (screen)
        fputs(CURSOR_SHOW "\n", stdout);
}

int command_status(const struct command_words *words)
{
    struct config *config = command_config(words->config);
    if (config == NULL)
        return 1;
    struct error error = {""};
    struct client *client = NULL;
    bool shown = true;
    (void)signal(SIGPIPE, SIG_IGN);
    if (words->watch)
        watch(&client, config->files.control_socket);
    else
        shown = show(&client, config->files.control_socket, "", &error);
    if (!shown)
        fprintf(stderr, "ebbtide status: %s\n", error.text);
    client_free(client);
    config_free(config);
    return shown ? 0 : 1;
}
