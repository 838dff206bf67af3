// SPDX-License-Identifier: Apache-2.0
//
// A program outside of the repository: includes what a user includes, links what a user links.
#include <quicore.h>
