/* What texts of the configuration must look like. May not: allocate, know a key. */
#include <arpa/inet.h>
#include <ctype.h>
#include <string.h>

#include "common/config_table.h"
#include "common/sandbox_parts.h"

#define LABEL_PREFIX_BYTES_MAX 253 /* RFC 1123 subdomain */
#define LABEL_NAME_BYTES_MAX   63  /* Kubernetes, Hetzner: name part of a key, and a value */
#define HOST_BYTES_MAX         253

static bool is_alnum(char c)
{
    return isalnum((unsigned char)c) != 0 && (unsigned char)c < 128;
}

/* Whether every byte is alphanumeric or in `more`. */
static bool only(const char *text, size_t length, const char *more)
{
    for (size_t i = 0; i < length; i++)
        if (!is_alnum(text[i]) && (!text[i] || !strchr(more, text[i])))
            return false;
    return true;
}

/* No control characters: they have no place in any value. */
static bool is_printable(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < 32 || *text == 127)
            return false;
    return true;
}

/* Alphanumeric at both ends, `more` between. */
static bool is_word(const char *text, size_t length, const char *more)
{
    return length > 0 && is_alnum(text[0]) && is_alnum(text[length - 1]) &&
           only(text, length, more);
}

static bool is_lower(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (isupper((unsigned char)text[i]))
            return false;
    return true;
}

bool config_label_value_fits(const char *value, size_t length)
{
    return length == 0 || (length <= LABEL_NAME_BYTES_MAX && is_word(value, length, "-_."));
}

bool config_label_key_fits(const char *key, size_t length)
{
    const char *slash = memchr(key, '/', length);
    if (slash) {
        size_t prefix = (size_t)(slash - key);
        if (prefix > LABEL_PREFIX_BYTES_MAX || !is_word(key, prefix, "-.") ||
            !is_lower(key, prefix))
            return false;
        length -= prefix + 1;
        key = slash + 1;
    }
    return length <= LABEL_NAME_BYTES_MAX && is_word(key, length, "-_.");
}

static bool fits_label(const char *text)
{
    const char *equals = strchr(text, '=');
    return equals && config_label_key_fits(text, (size_t)(equals - text)) &&
           config_label_value_fits(equals + 1, strlen(equals + 1));
}

static bool is_effect(const char *text)
{
    static const char *const effects[] = {"NoSchedule", "PreferNoSchedule", "NoExecute"};
    for (size_t i = 0; i < sizeof effects / sizeof *effects; i++)
        if (strcmp(text, effects[i]) == 0)
            return true;
    return false;
}

static bool fits_taint(const char *text)
{
    const char *colon = strrchr(text, ':');
    if (!colon || !is_effect(colon + 1))
        return false;
    const char *equals = memchr(text, '=', (size_t)(colon - text));
    const char *key_end = equals ? equals : colon;
    return config_label_key_fits(text, (size_t)(key_end - text)) &&
           (!equals || config_label_value_fits(equals + 1, (size_t)(colon - equals - 1)));
}

static bool fits_port(const char *text, size_t length)
{
    unsigned port = 0;
    if (length == 0 || length > 5)
        return false;
    for (size_t i = 0; i < length; i++) {
        if (!isdigit((unsigned char)text[i]))
            return false;
        port = port * 10 + (unsigned)(text[i] - '0');
    }
    return port >= 1 && port <= 65535;
}

/* host, host:port or [v6]:port. */
static bool fits_authority(const char *text, size_t length)
{
    const char *end = text + length;
    const char *after = NULL;
    if (length && text[0] == '[') {
        const char *close = memchr(text, ']', length);
        if (!close || !only(text + 1, (size_t)(close - text - 1), ":.") || close == text + 1)
            return false;
        after = close + 1;
    } else {
        const char *colon = memchr(text, ':', length);
        after = colon ? colon : end;
        if (after - text > HOST_BYTES_MAX || !is_word(text, (size_t)(after - text), "-."))
            return false;
    }
    return after == end || (*after == ':' && fits_port(after + 1, (size_t)(end - after - 1)));
}

static bool fits_url(const char *text)
{
    const char *host = NULL;
    if (strncmp(text, "https://", 8) == 0)
        host = text + 8;
    else if (strncmp(text, "http://", 7) == 0)
        host = text + 7;
    if (!host || !fits_authority(host, strcspn(host, "/")))
        return false;
    const char *path = host + strcspn(host, "/");
    return only(path, strlen(path), "/-._~%:@!$&'()*+,;=");
}

static bool fits_scope(const char *text)
{
    const char *slash = strchr(text, '/');
    size_t first = slash ? (size_t)(slash - text) : strlen(text);
    if (first == 0 || !only(text, first, "-_."))
        return false;
    return !slash || (slash[1] && only(slash + 1, strlen(slash + 1), "-_."));
}

static bool fits_path(const char *text)
{
    return text[0] == '/' && is_printable(text);
}

static bool fits_file(const char *text)
{
    if (text[0] == '/')
        return is_printable(text);
    return only(text, strlen(text), "-_.") && strcmp(text, ".") != 0 && strcmp(text, "..") != 0;
}

static bool fits_name(const char *text)
{
    return is_word(text, strlen(text), "-") && is_lower(text, strlen(text));
}

static bool fits_word(const char *text)
{
    return (is_alnum(text[0]) || text[0] == '_') && only(text, strlen(text), "._+-");
}

static bool fits_address(const char *text)
{
    unsigned char address[sizeof(struct in6_addr)];
    return inet_pton(AF_INET, text, address) == 1 || inet_pton(AF_INET6, text, address) == 1;
}

static bool fits_part(const char *text)
{
    enum sandbox_part part;
    return sandbox_part_find(text, &part);
}

/* Labels of letters, digits and hyphens, with dots between. */
static bool fits_host(const char *text)
{
    size_t length = strlen(text);
    if (!only(text, length, "-.") || !is_alnum(text[0]) || !is_alnum(text[length - 1]))
        return false;
    return strstr(text, "..") == NULL && strstr(text, ".-") == NULL && strstr(text, "-.") == NULL;
}

static const struct {
    bool (*fits)(const char *text);
    const char *words;
    bool may_show;
} forms[config_form_count] = {
    [FORM_ANY] = {is_printable, "a text without control characters", false},
    [FORM_URL] = {fits_url, "an address as https://HOST[:PORT][/PATH], without user or query",
                  false},
    [FORM_SCOPE] = {fits_scope, "a name, or owner/name", true},
    [FORM_PATH] = {fits_path, "an absolute path (it begins with /)", false},
    [FORM_FILE] = {fits_file, "an absolute path, or a file name without / below files.state_dir",
                   false},
    [FORM_LABEL] = {fits_label, "a label as key=value", true},
    [FORM_NAME] = {fits_name, "a name of a-z, 0-9 and - (a letter or digit at both ends)", true},
    [FORM_WORD] = {fits_word, "a word of letters, digits and . _ + -", true},
    [FORM_TAINT] =
        {fits_taint,
         "a taint as key=value:Effect, Effect being NoSchedule, PreferNoSchedule or NoExecute",
         true},
    [FORM_ADDRESS] = {fits_address, "an IPv4 or IPv6 address", true},
    [FORM_PART] = {fits_part,
                   "a part of the sandbox, one of: "
#define PART(name, word, doc, remedy) word " "
#include "common/sandbox_parts.def"
#undef PART
                   "(docs/sandbox.md says what they are)",
                   true},
    [FORM_HOST] = {fits_host, "a host's name, without a port", true},
};

bool config_form_fits(enum config_form form, const char *text)
{
    return !*text || (is_printable(text) && forms[form].fits(text));
}

const char *config_form_words(enum config_form form)
{
    return forms[form].words;
}

bool config_form_may_show(enum config_form form)
{
    return forms[form].may_show;
}

bool config_job_label_fits(const char *label)
{
    size_t length = strlen(label);
    return length >= 1 && length <= JOB_LABEL_BYTES_MAX && is_printable(label) &&
           strcspn(label, " ,[]{}\"'") == length;
}

bool config_url_is_loopback(const char *url)
{
    const char *host = strstr(url, "://");
    if (!host)
        return false;
    host += 3;
    /* What stands before an '@' is a user, however much it looks like loopback. */
    if (memchr(host, '@', strcspn(host, "/?#")))
        return false;
    size_t length = strcspn(host, ":/?#");
    if (host[0] == '[')
        return strncmp(host, "[::1]", 5) == 0 && strchr(":/?#", host[5]);
    char name[HOST_BYTES_MAX + 1];
    if (length >= sizeof name)
        return false;
    memcpy(name, host, length);
    name[length] = '\0';
    struct in_addr address;
    if (inet_pton(AF_INET, name, &address) == 1)
        return (ntohl(address.s_addr) >> 24) == 127;
    return strcmp(name, "localhost") == 0;
}
