// nghttp2's events, turned into the connection's. Those that cost us more than the peer are charged
// to its budgets here. Body bytes are not copied into nghttp2's buffers: it asks how many there are
// (ReadBody), and then has us append the frame's head and them to what is sent (OnSendData).
#include "codec/http2_callbacks.h"

#include <meridian/base/check.h>

#include <algorithm>

#include "codec/http2_shared.h"

namespace meridian::codec {
namespace {

constexpr size_t kFrameHeadBytes = 9;
constexpr size_t kMaxTrailersSent = 64;

std::string_view Text(const uint8_t* bytes, size_t size) {
  return {reinterpret_cast<const char*>(bytes), size};
}

Http2Stream* StreamOf(nghttp2_session* session, int32_t id) {
  return static_cast<Http2Stream*>(nghttp2_session_get_stream_user_data(session, id));
}

// A reset that is an answer to what the peer did wrong, not to what a backend did.
bool PeersFault(uint32_t code) {
  return code == NGHTTP2_PROTOCOL_ERROR || code == NGHTTP2_FLOW_CONTROL_ERROR ||
         code == NGHTTP2_STREAM_CLOSED || code == NGHTTP2_FRAME_SIZE_ERROR;
}

uint8_t* Bytes(std::string_view text) {
  return reinterpret_cast<uint8_t*>(const_cast<char*>(text.data()));
}

// `packed`: name, NUL, value, NUL …
void SubmitTrailers(nghttp2_session* session, int32_t id, std::string_view packed) {
  std::array<nghttp2_nv, kMaxTrailersSent> fields;
  size_t count = 0;
  const auto next = [&packed] {
    const std::string_view text = packed.substr(0, packed.find('\0'));
    packed.remove_prefix(text.size() + 1);
    return text;
  };
  while (!packed.empty() && count < fields.size()) {
    const std::string_view name = next(), value = next();
    fields[count++] = {Bytes(name), Bytes(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE};
  }
  nghttp2_submit_trailer(session, id, fields.data(), count);
}

}  // namespace

// A friend of the connection and its streams; no instances.
struct Http2Callbacks {
  static Http2Connection& Of(void* user) { return *static_cast<Http2Connection*>(user); }

  static bool IsTunnel(const Http2Stream* stream) { return stream != nullptr && stream->tunnel_; }

  static int OnBeginFrame(nghttp2_session* session, const nghttp2_frame_hd* frame, void* user) {
    const bool ack = (frame->flags & NGHTTP2_FLAG_ACK) != 0;
    Http2Fault what = Http2Fault::kOtherFrames;
    switch (frame->type) {
      case NGHTTP2_HEADERS:
      case NGHTTP2_DATA:
      case NGHTTP2_CONTINUATION:
      case NGHTTP2_GOAWAY:
        return 0;
      case NGHTTP2_PING:
        if (!ack) what = Http2Fault::kPings;
        break;
      case NGHTTP2_SETTINGS:
        if (!ack) what = Http2Fault::kSettings;
        break;
      case NGHTTP2_WINDOW_UPDATE:
        what = Http2Fault::kWindowUpdates;
        break;
      case NGHTTP2_RST_STREAM:
        // A backend may reset what it has answered early; it is for us to ask less of it.
        if (Of(user).role_ == Http2Connection::Role::kClient) return 0;
        if (StreamOf(session, frame->stream_id) != nullptr) what = Http2Fault::kResets;
        break;
      default:
        break;
    }
    return Of(user).Charge(what) ? 0 : NGHTTP2_ERR_CALLBACK_FAILURE;
  }

  static int OnBeginHeaders(nghttp2_session*, const nghttp2_frame*, void* user) {
    Of(user).BeginHead();
    return 0;
  }

  static int OnHeader(nghttp2_session*, const nghttp2_frame*, const uint8_t* name,
                      size_t name_bytes, const uint8_t* value, size_t value_bytes, uint8_t,
                      void* user) {
    Http2Connection& connection = Of(user);
    if (connection.in_head_) {
      connection.block_->Add(Text(name, name_bytes), Text(value, value_bytes));
    }
    return 0;
  }

  // nghttp2 would drop the field and go on; a request that is not what was sent is not forwarded.
  static int OnInvalidHeader(nghttp2_session*, const nghttp2_frame*, const uint8_t*, size_t,
                             const uint8_t*, size_t, uint8_t, void*) {
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  }

  static int OnFrame(nghttp2_session* session, const nghttp2_frame* frame, void* user) {
    Http2Connection& connection = Of(user);
    const bool end = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    switch (frame->hd.type) {
      case NGHTTP2_HEADERS:
        if (connection.in_head_) {
          connection.HeadDone(frame->hd.stream_id, end, frame->headers.cat != NGHTTP2_HCAT_HEADERS);
        }
        break;
      case NGHTTP2_DATA:
        if (!end && frame->hd.length == frame->data.padlen) {
          if (!connection.Charge(Http2Fault::kEmptyFrames)) return NGHTTP2_ERR_CALLBACK_FAILURE;
        } else if (Http2Stream* stream = StreamOf(session, frame->hd.stream_id); stream && end) {
          stream->OnEnd({});
        }
        break;
      case NGHTTP2_SETTINGS:
        if ((frame->hd.flags & NGHTTP2_FLAG_ACK) == 0) connection.ready_ = true;
        break;
      case NGHTTP2_PING:
        if ((frame->hd.flags & NGHTTP2_FLAG_ACK) != 0 && connection.shutting_down_) {
          nghttp2_submit_goaway(session, NGHTTP2_FLAG_NONE,
                                nghttp2_session_get_last_proc_stream_id(session), NGHTTP2_NO_ERROR,
                                nullptr, 0);
        }
        break;
      default:
        break;
    }
    return 0;
  }

  static int OnInvalidFrame(nghttp2_session*, const nghttp2_frame* frame, int, void* user) {
    Http2Connection& connection = Of(user);
    if (frame->hd.type != NGHTTP2_HEADERS) return 0;
    connection.in_head_ = false;
    if (frame->headers.cat == NGHTTP2_HCAT_REQUEST) connection.handler_.OnMalformed();
    return 0;
  }

  static int OnData(nghttp2_session* session, uint8_t, int32_t id, const uint8_t* bytes,
                    size_t size, void*) {
    Http2Stream* stream = StreamOf(session, id);
    if (stream == nullptr) {
      nghttp2_session_consume(session, id, size);
      return 0;
    }
    stream->unconsumed_ += static_cast<uint32_t>(size);
    stream->OnBody(Text(bytes, size));
    return 0;
  }

  static int OnStreamClose(nghttp2_session* session, int32_t id, uint32_t code, void* user) {
    Http2Stream* stream = StreamOf(session, id);
    if (stream != nullptr) Of(user).Closed(*stream, static_cast<Http2Code>(code));
    return 0;
  }

  static int OnFrameSent(nghttp2_session* session, const nghttp2_frame* frame, void* user) {
    Http2Connection& connection = Of(user);
    const int32_t id = frame->hd.stream_id;
    switch (frame->hd.type) {
      case NGHTTP2_RST_STREAM:
        if (PeersFault(frame->rst_stream.error_code)) connection.Charge(Http2Fault::kResets);
        break;
      case NGHTTP2_GOAWAY:
        if (frame->goaway.error_code != NGHTTP2_NO_ERROR && connection.fault_ == Http2Fault::kNone)
          connection.fault_ = Http2Fault::kProtocol;
        break;
      case NGHTTP2_DATA:
        connection.EarnByData();
        [[fallthrough]];
      case NGHTTP2_HEADERS:
        // RFC 9113 section 8.1: answered before the request has ended; the rest is not wanted.
        if (connection.role_ == Http2Connection::Role::kServer &&
            (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0 && !IsTunnel(StreamOf(session, id)) &&
            nghttp2_session_get_stream_remote_close(session, id) == 0) {
          nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, id, NGHTTP2_NO_ERROR);
        }
        break;
      default:
        break;
    }
    return 0;
  }

  static ssize_t Read(nghttp2_session* session, int32_t id, Http2Stream& stream, size_t room,
                      uint32_t* flags) {
    const size_t size = std::min(stream.pending_bytes(), room);
    const bool last = stream.end_ && size == stream.pending_bytes();
    if (size == 0 && !last) {
      stream.deferred_ = true;
      return NGHTTP2_ERR_DEFERRED;
    }
    *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    if (!last) return static_cast<ssize_t>(size);
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    if (stream.trailers_.empty()) return static_cast<ssize_t>(size);
    *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
    SubmitTrailers(session, id, stream.trailers_);
    return static_cast<ssize_t>(size);
  }

  static int OnSendData(nghttp2_session*, nghttp2_frame* frame, const uint8_t* head, size_t size,
                        nghttp2_data_source* source, void* user) {
    Http2Connection& connection = Of(user);
    MERIDIAN_CHECK(connection.out_ != nullptr && frame->data.padlen == 0);
    if (connection.out_->size() >= connection.enough_) return NGHTTP2_ERR_WOULDBLOCK;
    Http2Stream& stream = *static_cast<Http2Stream*>(source->ptr);
    connection.out_->append(Text(head, kFrameHeadBytes));
    connection.out_->append(stream.out_, stream.sent_, size);
    stream.sent_ += size;
    if (size == 0 || stream.pending_bytes() > 0) return 0;
    stream.sent_ = 0;
    stream.out_.clear();
    stream.OnDrained();
    return 0;
  }
};

ssize_t ReadBody(nghttp2_session* session, int32_t id, uint8_t*, size_t room, uint32_t* flags,
                 nghttp2_data_source* source, void*) {
  return Http2Callbacks::Read(session, id, *static_cast<Http2Stream*>(source->ptr), room, flags);
}

const nghttp2_session_callbacks* SessionCallbacks() {
  static const nghttp2_session_callbacks* const kCallbacks = [] {
    nghttp2_session_callbacks* all = nullptr;
    MERIDIAN_CHECK(nghttp2_session_callbacks_new(&all) == 0);
    using C = Http2Callbacks;
    nghttp2_session_callbacks_set_on_begin_frame_callback(all, C::OnBeginFrame);
    nghttp2_session_callbacks_set_on_begin_headers_callback(all, C::OnBeginHeaders);
    nghttp2_session_callbacks_set_on_header_callback(all, C::OnHeader);
    nghttp2_session_callbacks_set_on_invalid_header_callback(all, C::OnInvalidHeader);
    nghttp2_session_callbacks_set_on_frame_recv_callback(all, C::OnFrame);
    nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(all, C::OnInvalidFrame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(all, C::OnData);
    nghttp2_session_callbacks_set_on_stream_close_callback(all, C::OnStreamClose);
    nghttp2_session_callbacks_set_on_frame_send_callback(all, C::OnFrameSent);
    nghttp2_session_callbacks_set_send_data_callback(all, C::OnSendData);
    return all;
  }();
  return kCallbacks;
}

}  // namespace meridian::codec
