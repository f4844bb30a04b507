// What the HTTP/2 connections of one worker share.
#pragma once

#include <meridian/codec/http2.h>

#include <memory>
#include <vector>

#include "codec/http2_block.h"
#include "codec/http2_memory.h"

namespace meridian::codec {

struct Http2Shared {
  Http2Memory memory;
  Head head;                                        // the one being told of
  std::vector<std::unique_ptr<FieldBlock>> blocks;  // spare ones; as many as were in use at once
};

}  // namespace meridian::codec
