/* What the simulated Hetzner sells: places, server types, images. Numbers and prices are of the
 * kind that the real one has, not its price list.
 * May not: hold state. */
#include "simulator/world/world.h"

static const struct world_location locations[] = {
    {1, "fsn1", "Falkenstein", "DE", "eu-central", "Falkenstein DC Park 1", 50.47612, 12.370071},
    {2, "nbg1", "Nuremberg", "DE", "eu-central", "Nuremberg DC Park 1", 49.452102, 11.076665},
    {3, "hel1", "Helsinki", "FI", "eu-central", "Helsinki DC Park 1", 60.169855, 24.938379},
    {4, "ash", "Ashburn, VA", "US", "us-east", "Ashburn, VA", 39.045821, -77.487073},
    {5, "hil", "Hillsboro, OR", "US", "us-west", "Hillsboro, OR", 45.54222, -122.951924},
};

enum { EU = 0x07, EVERYWHERE = 0x1f };

static const struct world_server_type types[] = {
    {22, "cx22", "CX22", "x86", "shared", 2, 4, 40, 6000, 3790000, EU},
    {23, "cx32", "CX32", "x86", "shared", 4, 8, 80, 10900, 6800000, EU},
    {24, "cx42", "CX42", "x86", "shared", 8, 16, 160, 26300, 16400000, EU},
    {45, "cax11", "CAX11", "arm", "shared", 2, 4, 40, 6000, 3790000, EU},
    {93, "cax21", "CAX21", "arm", "shared", 4, 8, 80, 10400, 6490000, EU},
    {96, "ccx13", "CCX13", "x86", "dedicated", 2, 8, 80, 20000, 12490000, EVERYWHERE},
    {97, "ccx23", "CCX23", "x86", "dedicated", 4, 16, 160, 39200, 24490000, EVERYWHERE},
    {98, "ccx33", "CCX33", "x86", "dedicated", 8, 32, 240, 77800, 48490000, EVERYWHERE},
    {99, "ccx43", "CCX43", "x86", "dedicated", 16, 64, 360, 155400, 96990000, EVERYWHERE},
};

static const struct world_image images[] = {
    {114690387, "debian-12", "Debian 12", "x86", "debian", "12"},
    {114690389, "debian-12", "Debian 12", "arm", "debian", "12"},
    {67794396, "ubuntu-22.04", "Ubuntu 22.04", "x86", "ubuntu", "22.04"},
    {161547269, "ubuntu-24.04", "Ubuntu 24.04", "x86", "ubuntu", "24.04"},
    {161547270, "ubuntu-24.04", "Ubuntu 24.04", "arm", "ubuntu", "24.04"},
};

const struct world_location *world_locations(size_t *count)
{
    *count = sizeof locations / sizeof *locations;
    return locations;
}

const struct world_server_type *world_server_types(size_t *count)
{
    *count = sizeof types / sizeof *types;
    return types;
}

const struct world_image *world_images(size_t *count)
{
    *count = sizeof images / sizeof *images;
    return images;
}
