/* The actions' first steps, one file each. Each ends in exactly one work_finish.
 * May not: be called but by the dispatcher (actuator.c). */
#ifndef EBBTIDE_ACTUATOR_ACTIONS_H
#define EBBTIDE_ACTUATOR_ACTIONS_H

struct work;

void do_create_server(struct work *work);
void do_deregister_runner(struct work *work);
void do_drain_node(struct work *work);
void do_remove_node(struct work *work);
void do_release_runner(struct work *work);

#endif
