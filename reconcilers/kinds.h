#pragma once

#include "controller/ports/target.h"

// The kinds of objects in a directory, one file each, and those of the integration runtime; the lists are in
// reconcilers.cpp.
namespace plumb {

const Reconciler& ad_user();
const Reconciler& ad_group();
const Reconciler& organizational_unit();

const Reconciler& integration_model();
const Reconciler& integration();
const Reconciler& runtime_credential();  // not ldapBind and kerberosKeytab: see is_runtime_credential
const Reconciler& role_binding();
const Reconciler& gateway_configuration();
const Reconciler& connector();

}  // namespace plumb
