#pragma once

#include <string>
#include <vector>

#include "controller/model/value.h"
#include "controller/openapi/model.h"

// What an integration, its model and its credential have to say together. Pure.
namespace plumb::runtime {

// The security scheme of the model that an integration uses: the one it names, else the first. Null: there is none.
const openapi::SecurityScheme* scheme_of(const openapi::Model& model, const Value& integration);

// Why a Credential of that type cannot be put on requests as the scheme wants it; empty: it can.
std::string misfit(const openapi::SecurityScheme& scheme, const std::string& credential_type);

// What is still to be set before a call can be made: JSON Pointers, sorted. Those of the Credential are prefixed with
// its name ("Credential/crm/spec/apiKey/valueFrom"). `credential` is its spec; null: there is none.
std::vector<std::string> missing_settings(const openapi::Model& model, const Value& integration,
                                          const Value* credential);

}  // namespace plumb::runtime
