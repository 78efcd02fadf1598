/* The seam of the break-in tests: a worker linked with --wrap=worker_run and --wrap=message_encode
 * begins here. It runs as it would, and once its sandbox is up it also does what the board asks.
 * May not: change anything before the sandbox is up but mapping the board. */
#include <event2/event.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/breakin/attempts.h"

#define LOOK_US 20000

int __real_worker_run(const struct worker_behaviour *behaviour, void *state);
int __wrap_worker_run(const struct worker_behaviour *behaviour, void *state);
bool __real_message_encode(enum message_id id, const void *body, unsigned char **bytes,
                           size_t *length, struct error *error);
bool __wrap_message_encode(enum message_id id, const void *body, unsigned char **bytes,
                           size_t *length, struct error *error);

static struct attack attack;
static struct worker_behaviour wrapped;
static void (*started)(struct worker *worker, void *state);
static unsigned hellos;

static const struct {
    const char *name;
    attempt_function function;
} attempts[] = {
#define ATTEMPT(name, function, roles, with, refusals, log, doc) {#name, function},
#define FRAME(name, function, log, doc)                          {#name, function},
#include "tests/breakin/attempts.def"
#undef ATTEMPT
#undef FRAME
};

static int attempt(void)
{
    for (size_t i = 0; i < sizeof attempts / sizeof attempts[0]; i++)
        if (strcmp(attempts[i].name, attack.board->name) == 0)
            return attempts[i].function(&attack);
    return BOARD_NONE;
}

static void on_look(evutil_socket_t socket, short what, void *argument)
{
    (void)socket, (void)what, (void)argument;
    struct board *board = attack.board;
    if (board->asked == board->done)
        return;
    board->begun = board->asked;
    board->outcome = attempt();
    board->done = board->begun;
}

static void on_started(struct worker *worker, void *state)
{
    static const struct timeval often = {0, LOOK_US};
    if (started != NULL)
        started(worker, state);
    attack.worker = worker;
    if (attack.board->begun != attack.board->done) { /* the one before us did not survive it */
        attack.board->outcome = BOARD_DIED;
        attack.board->done = attack.board->begun;
    }
    struct event *timer = event_new(worker_base(worker), -1, EV_PERSIST, on_look, NULL);
    if (timer == NULL || event_add(timer, &often) != 0)
        worker_fail(worker, "no memory for the board's timer");
}

/* The file `breakin-ROLE.board` of the daemon's folder; a worker without one is left alone. */
static struct board *map_board(enum role role)
{
    char path[64];
    snprintf(path, sizeof path, "breakin-%s.board", role_word(role));
    int file = open(path, O_RDWR | O_CLOEXEC);
    if (file < 0)
        return NULL;
    void *board = mmap(NULL, BOARD_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    if (board == MAP_FAILED)
        return NULL;
    return board;
}

int __wrap_worker_run(const struct worker_behaviour *behaviour, void *state)
{
    attack.board = map_board(behaviour->role);
    if (attack.board == NULL)
        return __real_worker_run(behaviour, state);
    wrapped = *behaviour;
    started = behaviour->started;
    wrapped.started = on_started;
    return __real_worker_run(&wrapped, state);
}

/* The first hello of a process goes to the supervisor, and stays as it is. */
bool __wrap_message_encode(enum message_id id, const void *body, unsigned char **bytes,
                           size_t *length, struct error *error)
{
    if (id != MESSAGE_hello || attack.board == NULL || hellos++ == 0)
        return __real_message_encode(id, body, bytes, length, error);
    struct hello hello = *(const struct hello *)body;
    char hash[65];
    snprintf(hash, sizeof hash, "%064d", 0);
    if (attack.board->hello == HELLO_OTHER_TABLE)
        hello.table_hash = hash;
    if (attack.board->hello == HELLO_OTHER_ROLE)
        hello.role = hello.role == ROLE_ACTUATOR ? ROLE_MONITOR : ROLE_ACTUATOR;
    return __real_message_encode(id, &hello, bytes, length, error);
}
