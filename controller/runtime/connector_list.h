#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "controller/base/result.h"
#include "controller/model/value.h"

namespace plumb::runtime {

// What a person does with many Connectors at once.
enum class ConnectorAction { archive, restore, remove };
std::string_view to_string(ConnectorAction action);  // "archived", "restored", "deleted"

// Which Connectors of a list are meant: all that is said has to hold. Empty: anything.
struct ConnectorQuery {
  std::string ns{}, text{} /* in name, host or id, in any case */, status{}, os{}, version{}, group{};
  std::vector<std::string> labels{};  // "site=berlin", or "site" with any value
  bool archived = false;              // those as well, which else have to be asked for by status
};
// A status that there is, whatever the case; Fault::invalid with the near one else.
Result<void> check(ConnectorQuery& query);
// From the parameters of a request: namespace, search, status, os, version, group, label (several with commas) and
// archived. What is not among them is left alone.
Result<ConnectorQuery> read_query(const std::map<std::string, std::string>& parameters);
// `summary`: {namespace, name, group, status, identity, host, os, version, labels, ...}.
bool matches(const ConnectorQuery& query, const Value& summary);

}  // namespace plumb::runtime
