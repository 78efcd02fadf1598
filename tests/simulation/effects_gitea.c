/* What Gitea does with a request of the actuator's (FACTS: Gitea 1.26). May not: know who asked. */
#include <stdlib.h>
#include <string.h>

#include "sim.h"

#define RUNNERS "/api/v1/admin/actions/runners/"

static void say(struct effect *out, unsigned status, const char *body)
{
    out->status = status;
    out->body = strdup(body);
}

void effect_gitea(struct sim *sim, enum send_method method, const char *path, const char *body,
                  struct effect *out)
{
    if (strncmp(path, RUNNERS, strlen(RUNNERS)) != 0)
        sim_die("a request to Gitea that the simulation does not know");
    uint64_t id = strtoull(path + strlen(RUNNERS), NULL, 10);
    enum world_verdict verdict = WORLD_NOT_FOUND;
    if (method == SEND_PATCH && !sim->fence_exists) {
        say(out, 405, "");
        return;
    }
    if (method == SEND_PATCH)
        verdict = world_runner_disable(sim->world, id, strstr(body, "true") != NULL);
    else if (method == SEND_DELETE)
        verdict = world_runner_delete(sim->world, id);
    else
        sim_die("a method to Gitea that the simulation does not know");
    if (verdict != WORLD_OK)
        say(out, 404, "{\"errors\":null,\"message\":\"Runner not found\"}");
    else
        say(out, method == SEND_DELETE ? 204 : 200, method == SEND_DELETE ? "" : "{\"id\":1}");
}
