#include "namespaces.h"

#include <sched.h>

int test_enter_new_network_namespace(void) { return unshare(CLONE_NEWNET); }

int test_enter_network_namespace(int descriptor) { return setns(descriptor, CLONE_NEWNET); }
