// See loop_thread.h.
#include "loop_thread.h"

#include <pthread.h>
#include <signal.h>

namespace meridian::app {

Result<std::unique_ptr<LoopThread>> LoopThread::Create() {
  auto loop = uvio::UvLoop::Create();
  if (!loop) return tl::unexpected(loop.error());
  return std::unique_ptr<LoopThread>(new LoopThread(std::move(*loop)));
}

void LoopThread::Start(const std::string& name, std::function<void()> at_end) {
  // Signals are the control thread's: the new thread begins with all of them blocked.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::thread([this, name, at_end = std::move(at_end)] {
    pthread_setname_np(pthread_self(), name.substr(0, 15).c_str());
    loop_->Run();
    if (at_end) at_end();
  });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void LoopThread::Stop() {
  if (!thread_.joinable()) return;
  loop_->Stop();
  thread_.join();
}

}  // namespace meridian::app
