/* Memory of the world: copies of texts, maps and lists, which end the process when memory is out.
 * May not: know what it keeps. */
#include "simulator/world/world_private.h"

#include <stdio.h>
#include <stdlib.h>

#define LIST_ROOM_FIRST 16

void *world_alloc(size_t bytes)
{
    void *memory = calloc(1, bytes > 0 ? bytes : 1);
    if (memory == NULL)
        abort();
    return memory;
}

static void *grow(void *memory, size_t count, size_t size)
{
    void *grown = reallocarray(memory, count, size);
    if (grown == NULL)
        abort();
    return grown;
}

char *world_copy_text(const char *text)
{
    size_t bytes = strlen(text) + 1;
    char *copy = world_alloc(bytes);
    memcpy(copy, text, bytes);
    return copy;
}

void world_free_text(const char *text)
{
    free((void *)(uintptr_t)text);
}

void world_copy_name(char *to, size_t bytes, const char *from)
{
    (void)snprintf(to, bytes, "%s", from != NULL ? from : "");
}

void list_push(struct list *list, void *item)
{
    list_insert(list, list->count, item);
}

void list_insert(struct list *list, size_t index, void *item)
{
    assert(index <= list->count);
    if (list->count == list->room) {
        list->room = list->room == 0 ? LIST_ROOM_FIRST : list->room * 2;
        list->items = grow(list->items, list->room, sizeof *list->items);
    }
    memmove(list->items + index + 1, list->items + index,
            (list->count - index) * sizeof *list->items);
    list->items[index] = item;
    list->count++;
}

void *list_remove_at(struct list *list, size_t index)
{
    assert(index < list->count);
    void *item = list->items[index];
    list->count--;
    memmove(list->items + index, list->items + index + 1,
            (list->count - index) * sizeof *list->items);
    return item;
}

bool list_remove(struct list *list, const void *item)
{
    for (size_t i = 0; i < list->count; i++) {
        if (list->items[i] == item) {
            (void)list_remove_at(list, i);
            return true;
        }
    }
    return false;
}

void list_free(struct list *list)
{
    free(list->items);
    *list = (struct list){0};
}

void map_copy(struct world_map *to, const struct world_map *from)
{
    *to = (struct world_map){0};
    for (uint32_t i = 0; from != NULL && i < from->count; i++)
        map_set(to, from->pairs[i].key, from->pairs[i].value);
}

static struct world_pair *map_find(const struct world_map *map, const char *key)
{
    for (uint32_t i = 0; i < map->count; i++) {
        if (strcmp(map->pairs[i].key, key) == 0)
            return &map->pairs[i];
    }
    return NULL;
}

void map_set(struct world_map *map, const char *key, const char *value)
{
    char *copy = world_copy_text(value);
    struct world_pair *pair = map_find(map, key);
    if (pair != NULL) {
        free(pair->value);
        pair->value = copy;
        return;
    }
    map->pairs = grow(map->pairs, map->count + 1, sizeof *map->pairs);
    map->pairs[map->count++] = (struct world_pair){.key = world_copy_text(key), .value = copy};
}

const char *map_get(const struct world_map *map, const char *key)
{
    const struct world_pair *pair = map_find(map, key);
    return pair != NULL ? pair->value : NULL;
}

bool map_equal(const struct world_map *a, const struct world_map *b)
{
    uint32_t count = b != NULL ? b->count : 0;
    if (a->count != count)
        return false;
    for (uint32_t i = 0; i < count; i++) {
        const char *value = map_get(a, b->pairs[i].key);
        if (value == NULL || strcmp(value, b->pairs[i].value) != 0)
            return false;
    }
    return true;
}

void map_free(struct world_map *map)
{
    for (uint32_t i = 0; i < map->count; i++) {
        free(map->pairs[i].key);
        free(map->pairs[i].value);
    }
    free(map->pairs);
    *map = (struct world_map){0};
}

void strings_copy(struct world_strings *to, const char *const *items, uint32_t count)
{
    to->items = world_alloc(count * sizeof *to->items);
    to->count = count;
    for (uint32_t i = 0; i < count; i++)
        to->items[i] = world_copy_text(items[i]);
}

bool strings_have(const struct world_strings *strings, const char *word)
{
    for (uint32_t i = 0; i < strings->count; i++) {
        if (strcmp(strings->items[i], word) == 0)
            return true;
    }
    return false;
}

void strings_free(struct world_strings *strings)
{
    for (uint32_t i = 0; i < strings->count; i++)
        free(strings->items[i]);
    free(strings->items);
    *strings = (struct world_strings){0};
}
