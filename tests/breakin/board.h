/* What an attempt and the test outside say to each other: one page of shared memory, mapped before
 * the worker begins, so that neither needs a system call to speak. The test (breakin.py) knows this
 * layout. May not: be linked by anything that is installed. */
#ifndef EBBTIDE_BREAKIN_BOARD_H
#define EBBTIDE_BREAKIN_BOARD_H

#include <stdint.h>

#include "proto/worker.h"

#define BOARD_BYTES 4096

/* What came of an attempt, where it is no errno. */
enum board_outcome {
    BOARD_WORKED = 0, /* it was not refused */
    BOARD_SENT = -1,  /* a message has left; what becomes of it the test sees outside */
    BOARD_NONE = -2,  /* there is no such attempt, or nobody to send to */
    BOARD_DIED = -3,  /* the process was ended while it tried */
    BOARD_MUTE = -4,  /* the table gives it nothing to say to this peer that would do */
};

/* What hello is to say wrongly, on the channels that open from now on. */
enum board_hello { HELLO_RIGHT, HELLO_OTHER_TABLE, HELLO_OTHER_ROLE };

struct board {
    volatile uint32_t asked, begun, done; /* numbers of attempts */
    volatile int32_t outcome;             /* errno, or a board_outcome */
    char name[64];
    char with[512]; /* a path, a port, a server: what the attempt is about */
    uint64_t pid;   /* a sibling */
    uint64_t server_id;
    char node[256];
    uint32_t hello;
    char peer[32]; /* a frame: for whom, by its role's word */
};

struct attack {
    struct worker *worker;
    struct board *board;
};

/* One attempt: an errno or a board_outcome. */
typedef int (*attempt_function)(const struct attack *);

#endif
