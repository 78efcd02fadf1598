/* The witness at the control endpoint: what the client was told, and whether a promise was broken.
 * May not answer as any of the three services. */
#include "simulator/control_private.h"
#include "simulator/watch.h"

void control_witness_get(struct exchange *exchange)
{
    exchange_reply_json(exchange, 200, watch_json(control_of(exchange)->parts.watch));
}

void control_witness_put(struct exchange *exchange)
{
    struct error error = {{0}};
    if (watch_rules(control_of(exchange)->parts.watch, exchange_body(exchange), &error))
        control_witness_get(exchange);
    else
        control_error(exchange, 400, "%s", error.text);
}

void control_witness_hindered(struct exchange *exchange)
{
    watch_hindered(control_of(exchange)->parts.watch);
    control_verdict(exchange, WORLD_OK, "");
}
