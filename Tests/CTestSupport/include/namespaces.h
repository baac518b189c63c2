#pragma once
// Network namespaces of the calling thread, for tests.

/// Moves the calling thread into a new network namespace; 0, or -1 with errno.
int test_enter_new_network_namespace(void);

/// Moves the calling thread into the network namespace of a descriptor; 0, or -1 with errno.
int test_enter_network_namespace(int descriptor);
