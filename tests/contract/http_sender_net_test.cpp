// net::HttpClient by the contract of HttpSender.

#include "controller/net/http_client.h"
#include "tests/contract/http_sender_contract.h"

namespace plumb::test {
namespace {

struct MakeNet {
  ~MakeNet() { loop_.stop(); }
  static net::HttpClientOptions options() { return {.egress = *net::Egress::parse({"127.0.0.0/8"})}; }
  EventLoop& loop() { return loop_; }
  HttpSender& sender() { return client_; }

  net::Loop loop_;
  net::HttpClient client_{loop_, options()};
};

INSTANTIATE_TYPED_TEST_SUITE_P(Net, HttpSenderContract, MakeNet);

}  // namespace
}  // namespace plumb::test
