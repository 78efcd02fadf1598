/* What the log says of a secret that the kernel may write to swap. May not: touch what it holds. */
#include "common/log.h"
#include "common/secret.h"

void secret_warn_unlocked(const struct secret *secret, const char *name)
{
    static bool said; /* once: it is the same for all of them */
    if (said || secret_locked(secret))
        return;
    said = true;
    log_warning("%s cannot be locked in memory, so the kernel may write it to swap: allow locked "
                "memory (LimitMEMLOCK= of the unit, ulimit -l)",
                name);
}
