/* The one picture that people see, in `ebbtide status`, in the demo and on the monitor's page: what
 * each node is doing, why it is still there, and until when it is paid. Texts that came from
 * outside cannot move the cursor. May not: allocate, ask a clock, know a terminal. */
#ifndef EBBTIDE_COMMON_STATUS_TABLE_H
#define EBBTIDE_COMMON_STATUS_TABLE_H

#include <stdio.h>

#include "tables/messages.h"

#define STATUS_TABLE_WIDTH_LEAST   60
#define STATUS_TABLE_WIDTH_DEFAULT 120

struct status_table_style {
    unsigned
        width;    /* columns; less than STATUS_TABLE_WIDTH_LEAST counts as that, 0 as the default */
    bool colours; /* escape sequences: only for a terminal */
};

/* Prints the picture. Times are UTC; ages are those that the status says. */
void status_table_print(const struct status *status, const struct status_table_style *style,
                        FILE *out);

/* The style for this stream: the terminal's width and colours, or the default where it is none
 * (NO_COLOR is obeyed). */
struct status_table_style status_table_style_for(FILE *out);

/* "4m12s", "37m", "2h05m", "3d04h": two units at most. */
void status_table_span(int64_t ms, char *out, size_t size);

#endif
