// An intrusive doubly linked list: membership costs no allocation, and a node leaves in O(1)
// knowing only itself. A node is in at most one list by each of its ListNode bases; it leaves by
// itself when it is destroyed.
#pragma once

#include <meridian/base/check.h>

namespace meridian {

class ListNode {
 public:
  ListNode() = default;
  ListNode(const ListNode&) = delete;
  ListNode& operator=(const ListNode&) = delete;
  ~ListNode() { Unlink(); }

  bool linked() const { return next_ != nullptr; }

  void Unlink() {
    if (next_ == nullptr) return;
    previous_->next_ = next_;
    next_->previous_ = previous_;
    next_ = previous_ = nullptr;
  }

 private:
  template <class T>
  friend class List;
  ListNode* previous_ = nullptr;
  ListNode* next_ = nullptr;
};

// T derives from ListNode. The list does not own its nodes.
template <class T>
class List {
 public:
  List() { head_.previous_ = head_.next_ = &head_; }
  List(const List&) = delete;
  List& operator=(const List&) = delete;
  ~List() {
    while (!empty()) front().Unlink();
    head_.previous_ = head_.next_ = nullptr;
  }

  bool empty() const { return head_.next_ == &head_; }
  T& front() { return static_cast<T&>(*head_.next_); }
  T& back() { return static_cast<T&>(*head_.previous_); }

  void PushBack(T& node) { InsertBefore(head_, node); }
  void PushFront(T& node) { InsertBefore(*head_.next_, node); }

  // Calls visit(T&) for each; visit may unlink the node it is given, and no other.
  template <class Visit>
  void ForEach(Visit visit) {
    for (ListNode* node = head_.next_; node != &head_;) {
      ListNode* next = node->next_;
      visit(static_cast<T&>(*node));
      node = next;
    }
  }

 private:
  static void InsertBefore(ListNode& position, ListNode& node) {
    MERIDIAN_CHECK(!node.linked());
    node.previous_ = position.previous_;
    node.next_ = &position;
    position.previous_->next_ = &node;
    position.previous_ = &node;
  }

  ListNode head_;
};

}  // namespace meridian
