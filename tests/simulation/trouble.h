/* What the files of trouble share. May not: be included by anything else. */
#ifndef EBBTIDE_TESTS_SIMULATION_TROUBLE_H
#define EBBTIDE_TESTS_SIMULATION_TROUBLE_H

#include "sim.h"

/* ---- struck.c: NULL where there is none. A machine that is struck is hindered. */
struct dice *dice_of(struct sim *sim, enum sim_fault fault);
/* The teardown of this machine alone, from now on. */
void hinder(struct sim *sim, const char *name);
const struct world_server *any_server(struct sim *sim, enum sim_fault fault);
const struct world_node *any_node(struct sim *sim, enum sim_fault fault);
const struct world_pod *any_pod(struct sim *sim, enum sim_fault fault);
const struct world_runner *any_runner(struct sim *sim, enum sim_fault fault);
uint32_t any_pool(struct sim *sim, enum sim_fault fault);

/* ---- machines.c */
void next_trouble(struct sim *sim, enum sim_fault fault);
void server_crash(struct sim *sim, enum sim_fault fault);
void runner_again(struct sim *sim, enum sim_fault fault);
void runner_silent(struct sim *sim, enum sim_fault fault);
void sold_out(struct sim *sim, enum sim_fault fault);
void budget(struct sim *sim, enum sim_fault fault);
void pod_of_others(struct sim *sim, enum sim_fault fault);

/* ---- frozen.c */
void source_frozen(struct sim *sim, enum sim_fault fault);

/* ---- reload.c */
void reload(struct sim *sim, enum sim_fault fault);
void pool_leaves(struct sim *sim, enum sim_fault fault);

/* ---- trouble.c */
void kill_all(struct sim *sim); /* every process */

/* ---- rogue.c */
void rogue_orders(struct sim *sim, enum sim_fault fault);

/* ---- people.c */
void job_cancelled(struct sim *sim, enum sim_fault fault);
void fence_by_hand(struct sim *sim, enum sim_fault fault);
void cordon_by_hand(struct sim *sim, enum sim_fault fault);
void runner_by_hand(struct sim *sim, enum sim_fault fault);
void node_by_hand(struct sim *sim, enum sim_fault fault);
void server_by_hand(struct sim *sim, enum sim_fault fault);
void protect(struct sim *sim, enum sim_fault fault);
void node_clash(struct sim *sim, enum sim_fault fault);
void name_clash(struct sim *sim, enum sim_fault fault);
void stranger(struct sim *sim, enum sim_fault fault);
void stranger_runner(struct sim *sim, enum sim_fault fault);

#endif
