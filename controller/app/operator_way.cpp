#include "controller/app/operator_way.h"

#include <fstream>
#include <iterator>
#include <utility>

#include "controller/base/assert.h"
#include "controller/runtime/blocking.h"

namespace plumb::app {
namespace {

net::Egress everywhere() {
  auto egress = net::Egress::parse({"0.0.0.0/0", "::/0"});
  PLUMB_ASSERT(egress.has_value());
  return std::move(*egress);
}

}  // namespace

OperatorWay::OperatorWay(const std::string& ca) : client_(loop_, {.egress = everywhere()}) {
  HttpRoute route;
  if (!ca.empty()) route.tls.ca = std::make_shared<const std::string>(ca);
  route_ = std::make_shared<const HttpRoute>(std::move(route));
}

OperatorWay::~OperatorWay() { loop_.stop(); }

Result<HttpResponse> OperatorWay::call(HttpRequest request, Deadline deadline) {
  const HttpLimits limits{.timeout = deadline.left(clock_.steady())};
  auto answer = runtime::send_and_wait(loop_, client_, std::move(request), route_, limits, deadline);
  if (!answer) return tl::unexpected(std::move(answer).error().error);
  return std::move(*answer);
}

Result<std::string> authorities_in(const std::string& option, const std::string& file) {
  if (file.empty()) return std::string();
  std::ifstream in(file, std::ios::binary);
  std::string ca{std::istreambuf_iterator<char>(in), {}};
  if (ca.empty()) return fail(Fault::not_found, "{} {}: cannot be read", option, file);
  return ca;
}

}  // namespace plumb::app
