/* Which files are the log: those that are named, those of a folder, or those of the configuration;
 * in the order of their numbers. May not: read a line, write. */
#ifndef EBBTIDE_AUDIT_LOG_FILES_H
#define EBBTIDE_AUDIT_LOG_FILES_H

#include "audit/head.h"
#include "audit/verify.h"

#define LOG_FILES_MAX 65536 /* segments have as many numbers */

struct log_files {
    char **path; /* each owned */
    size_t count;
    char *head; /* where the supervisor's note lies; NULL: nobody knows */
};

/* word: files or one folder, NULL at the end; none: by the configuration at `config`. head: the
 * note's file, NULL: audit.head beside the last file, or in files.state_dir. False after the
 * mistakes were printed to standard error. */
bool log_files_find(char *const *word, const char *config, const char *head, struct log_files *out,
                    struct error *error);

/* Reads the note: number 0 where there is none, or an empty one. *there: the file is there. False
 * with a sentence where it cannot be read. */
bool log_files_head(const struct log_files *files, struct noted_heads *out, bool *there,
                    struct error *error);

/* Gives each file to verify. False with a sentence where one cannot be read. */
bool log_files_verify(const struct log_files *files, struct verify *verify, struct error *error);

void log_files_free(struct log_files *files);

#endif
