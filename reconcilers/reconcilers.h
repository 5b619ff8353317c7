#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "controller/model/resource.h"
#include "controller/ports/target.h"

namespace plumb {

// Every kind that describes an object of a directory, written out. Valid for the life of the program.
std::vector<const Reconciler*> directory_kinds();
// Every kind that the integration runtime works with.
std::vector<const Reconciler*> runtime_kinds();
// Their members that hold free JSON, as one attribute each; see flattened().
std::span<const std::string_view> free_form_members();
// Whether the runtime of this process is where the resource belongs: it is of one of its kinds, a Credential of a type
// that integrations use, an IntegrationModel or Integration that does not live on a platform.
bool belongs_to_runtime(const Resource& resource);
// ldapBind and kerberosKeytab belong to their Directory.
bool is_runtime_credential(const Resource& credential);

// Every place in a manifest that names another resource.
std::vector<ReferenceRule> reference_rules();

// The Directory that a resource belongs to: its spec.directoryRef, or the only one of its namespace.
// Fault::invalid says what to write where that is not clear.
Result<const Resource*> directory_of(const Resource& resource, const Snapshot& snapshot);

}  // namespace plumb
