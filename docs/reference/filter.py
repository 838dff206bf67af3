#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Shows doxygen our comments: headers are written for their readers, in plain // comments.

The comment at the top becomes the file's description, a comment above a declaration or behind it that
declaration's, and what is indented in a comment a block of code. Headlines (// --- ...) and hints to
checkers vanish; the number of lines stays the same, so that warnings name the right one.

What only the compiler or the library calls is left out: what makes an object awaitable, and what makes a handle of
something that stands behind the API. A comparison of every member says so.
"""
import re
import sys

SILENT = re.compile(r"^\s*// (---|NOLINT)")
COMMENT = re.compile(r"^(\s*)// ?(.*)$")
TRAILING = re.compile(r"^(\s*\S.*?)\s+// (.*)$")
INSIDE = re.compile(
    r"\bawait_(ready|suspend|resume)\(|operator co_await\(|using promise_type|using (Handle|State) ="
    r"|\(internal::(Ref<|ReadyQueue&|ShardState&)|\bSleep\(Shard&|\(std::shared_ptr<engine::Qlog>|\bTask\(Handle "
    r"|ShardState& state\(\)")
COMPARISON = re.compile(r"^(\s*)(friend bool operator==\(.*= default;)$")
DEEP = 20  # columns: a comment that far to the right goes on with the one of the line above


def documented(lines):
    behind = False  # the line before had a comment behind a declaration
    above = False  # the line before was a comment
    for line in lines:
        if line.startswith("// SPDX-"):
            yield "/// \\file"  # what follows describes the file
            continue
        if SILENT.match(line):
            yield ""
            continue
        comment = COMMENT.match(line)
        if comment:
            indent, text = comment.groups()
            mark = "///<" if behind and len(indent) > DEEP else "///"
            code = "   " if text.startswith("  ") else ""  # markdown wants four spaces before code
            yield f"{indent}{mark} {code}{text}".rstrip()
            above = True
            continue
        below, above = above, False
        comparison = COMPARISON.match(line)
        if INSIDE.search(line):
            yield f"/** \\private */ {line}"
            continue
        if comparison and not below:
            yield f"{comparison.group(1)}/** Member by member. */ {comparison.group(2)}"
            continue
        trailing = TRAILING.match(line)
        behind = bool(trailing) and not line.startswith("#")
        yield f"{trailing.group(1)}  ///< {trailing.group(2)}" if behind else line


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        for line in documented(file.read().split("\n")):
            print(line)


if __name__ == "__main__":
    main()
