/* An actuator over scripted APIs: one node ebb-linux-1-7 (server 42, Kubernetes uid u-1), its pod
 * runner-pod, its runner 5. May not: touch the network. */
#ifndef EBBTIDE_TESTS_UNIT_ACTIONS_FIXTURE_H
#define EBBTIDE_TESTS_UNIT_ACTIONS_FIXTURE_H

#include "actuator/actuator.h"
#include "scripted_send.h"

#define NODE   "ebb-linux-1-7"
#define SERVER "GET /servers/42"
#define NAMED  "GET /servers?name=" NODE
#define LISTED "GET /servers?label_selector"
#define KNODE  "GET /api/v1/nodes/" NODE
#define PODS   "GET /api/v1/pods?"
#define RPODS  "GET /api/v1/namespaces/"
#define RUNS   "GET /api/v1/admin/actions/runners"
#define JOBS   "GET /api/v1/admin/actions/jobs"
#define RUNNER "/api/v1/admin/actions/runners/5"

/* Bodies. */
const char *server_json(const char *more_labels);   /* {"server": ...} of 42 */
const char *servers_json(const char *const *names); /* a list; NULL ends the names */
const char *node_json(const char *annotations, const char *taints, bool cordoned);
const char *pods_json(const char *items); /* a list of pods, comma separated */
const char *pod_json(const char *namespace_name, const char *name, const char *more_metadata,
                     const char *phase);
const char *runner_json(bool online, bool busy, bool disabled); /* a list with runner 5 */
const char *job_json(void);                                     /* a list: job 9 runs on runner 5 */

extern struct actuator fixture;
extern struct action_result last; /* the newest result, with its text */
extern char last_text[TEXT_BYTES_MAX + 1];
extern unsigned results;

/* A fresh actuator in mode act with an empty log, and rules for the node in its best health. */
void fixture_open(void);
void fixture_close(void);
/* Takes a setting, as in the file. */
void fixture_set(const char *path, const char *value);
/* The same log, another actuator: as after a crash. */
void fixture_restart(void);

/* An action on the node with a fresh id. */
struct action fixture_action(enum action_kind kind);
#define FIXTURE_CREATES_MAX 36
/* A create with the id 1-NUMBER for the node of that name, ebb-linux-1-... */
struct action fixture_create(unsigned number);
/* Gives it, and turns the loop until a result comes. */
void fixture_run(const struct action *action);
/* Gives it and does not turn the loop. */
void fixture_give(const struct action *action);
void fixture_turn(void);
/* Everything in the audit log. */
const char *fixture_log(void);
/* What the log says in the first line that holds `word`; NULL: none. */
bool fixture_log_holds(const char *word);

#endif
