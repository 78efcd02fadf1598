/* The simulator's command line. The world's numbers and switches come from their own table
 * (world/config.def): each is an option of its name with hyphens.
 * May not: start anything. */
#ifndef EBBTIDE_SIMULATOR_OPTIONS_H
#define EBBTIDE_SIMULATOR_OPTIONS_H

#include "simulator/gitea_api.h"
#include "simulator/server.h"
#include "simulator/world/config.h"

#include <stdio.h>

struct options {
    struct world_config world;
    struct gitea_options gitea;
    bool without[API_COUNT];
    uint16_t port[API_COUNT]; /* 0: any free one, which is printed */
    struct server_tokens tokens[API_COUNT];
    int64_t hetzner_requests;  /* an hour */
    const char *log_path;      /* the request log, NULL: none */
    const char *ports_file;    /* gets the ports as JSON, NULL: none */
    const char *workload_path; /* CSV, NULL: none */
    int64_t workload_rate;     /* generated jobs an hour, 0: none */
    int64_t workload_job_ms;   /* mean duration of a generated job */
    const char *boot_hook;     /* commands, NULL: none */
    const char *delete_hook;
    bool help;
};

/* Texts are those of the arguments. */
bool options_read(struct options *out, int count, char **words, struct error *error);

/* Prints every option with its default. */
void options_help(FILE *out);

#endif
