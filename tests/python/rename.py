#!/usr/bin/env python3
"""Makes a renamed copy of Python code, for checking what finds renamed copies.

Reads JSON Lines {"code": ...} on stdin and writes, line by line, {"code": ..., "renamed": ...}, or {"code": ...,
"error": ...} where the code does not parse. Standard library only, CPython 3.10 or later; it decides by CPython's own
syntax tree and shares no code with what it checks.

What the copy changes, in place, so that all other bytes stay:

names      Every name that the code binds (classes, functions, parameters, targets of assignments, loops, `with`,
           `except` and `:=`, aliases of imports, captures of `match`) has a fresh name, one for each spelling.
attributes Likewise what is assigned to `self` or `cls`, methods, and what a class body assigns. An attribute that is
           only assigned to `self` has another fresh name than a variable of the same spelling.
arguments  The name of an argument follows the parameter where the code defines what is called: a function, a method,
           a class by its own `__init__` or that of its bases in the code, or by its fields if it is a dataclass.
literals   Every number becomes another of its type, every letter of a string another letter; prefix, quotes, escapes
           and replacement fields stay (names in the fields of f-strings are renamed), and a string without letters
           has one more.

Kept are `self`, `cls`, `__names__`, the methods that Manim calls (`construct`, `setup`, `tear_down`), and all names
that the code does not bind. Every copy is parsed, and its tree must have the same shape, or the line is an error.
"""
import ast
import io
import json
import keyword
import re
import sys
import tokenize
import warnings

KEPT = {"self", "cls", "construct", "setup", "tear_down"}
ESCAPE = re.compile(r"\\(?:N\{[^}]*\}|x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[0-7]{1,3}|.)", re.S)
SYLLABLES = ["vo", "ki", "zu", "qa", "we", "xo", "ju", "py", "ha", "ly", "gu", "fe"]


def is_kept(name):
    return name in KEPT or (name.startswith("__") and name.endswith("__"))


def is_own(node):
    """Whether an attribute is one of `self` or `cls`."""
    return isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")


def parameters(function):
    a = function.args
    return [x for x in [*a.posonlyargs, *a.args, a.vararg, *a.kwonlyargs, a.kwarg] if x is not None]


def targets(statement):
    """The names that a statement of a class body assigns."""
    if isinstance(statement, ast.Assign):
        roots = statement.targets
    elif isinstance(statement, ast.AnnAssign):
        roots = [statement.target]
    else:
        return
    for root in roots:
        for node in ast.walk(root):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                yield node.id


class Bound:
    """What the code binds: the new name of each name, and of each attribute."""

    def __init__(self, tree):
        names, attributes, shared = {}, {}, set()
        augmented = {id(n.target) for n in ast.walk(tree) if isinstance(n, ast.AugAssign)}
        self.functions, self.classes = {}, {}
        for node in ast.walk(tree):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and id(node) not in augmented:
                names[node.id] = None
            elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                names[node.name] = None
                shared.add(node.name)
                self.functions.setdefault(node.name, []).append(node)
            elif isinstance(node, ast.ClassDef):
                names[node.name] = None
                self.classes[node.name] = node
                for statement in node.body:
                    shared.update(targets(statement))
            elif isinstance(node, ast.arg):
                names[node.arg] = None
            elif isinstance(node, ast.alias) and node.asname:
                names[node.asname] = None
            elif isinstance(node, ast.ExceptHandler) and node.name:
                names[node.name] = None
            elif isinstance(node, (ast.MatchAs, ast.MatchStar)) and node.name:
                names[node.name] = None
            elif isinstance(node, ast.MatchMapping) and node.rest:
                names[node.rest] = None
            if is_own(node) and isinstance(node.ctx, ast.Store) and id(node) not in augmented:
                attributes[node.attr] = None
        used = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)} | set(names) | set(attributes)
        used |= {n.attr for n in ast.walk(tree) if isinstance(n, ast.Attribute)}
        count = 0

        def fresh():
            nonlocal count
            while True:
                count += 1
                value, text = count * 7 + 3, ""
                while value:
                    value, at = divmod(value, len(SYLLABLES))
                    text += SYLLABLES[at]
                if text not in used and not keyword.iskeyword(text):
                    return text

        self.names = {name: fresh() for name in names if not is_kept(name)}
        self.attributes = {}
        for name in [*attributes, *sorted(shared)]:
            if not is_kept(name):
                self.attributes[name] = self.names[name] if name in shared else fresh()

    def takes(self, callee, argument, cls):
        """Whether what is called is defined by the code and has a parameter of this name; `cls` is the class around."""
        if isinstance(callee, ast.Attribute):
            value = callee.value
            if callee.attr == "__init__" and isinstance(value, ast.Call) and isinstance(value.func, ast.Name):
                if value.func.id != "super" or cls is None:
                    return False
                return any(isinstance(b, ast.Name) and self.makes(b.id, argument, set()) for b in cls.bases)
            name = callee.attr
        elif isinstance(callee, ast.Name):
            name = callee.id
        else:
            return False
        if name in self.classes:
            return self.makes(name, argument, set())
        return any(p.arg == argument for f in self.functions.get(name, []) for p in parameters(f))

    def makes(self, name, argument, seen):
        """Whether a class of the code takes an argument of this name."""
        if name not in self.classes or name in seen:
            return False
        seen.add(name)
        node = self.classes[name]
        for statement in node.body:
            if isinstance(statement, ast.FunctionDef) and statement.name == "__init__":
                return any(p.arg == argument for p in parameters(statement))
        if any("dataclass" in ast.dump(d) for d in node.decorator_list) and argument in [
            n for s in node.body if isinstance(s, ast.AnnAssign) for n in targets(s)
        ]:
            return True
        return any(isinstance(b, ast.Name) and self.makes(b.id, argument, seen) for b in node.bases)


class Source:
    """A text, and where its lines and tokens are, in bytes."""

    def __init__(self, code):
        self.bytes = code.encode()
        self.lines = [0]
        for line in io.StringIO(code, newline=""):
            self.lines.append(self.lines[-1] + len(line.encode()))
        self.tokens = []
        texts = io.StringIO(code, newline="").readlines()
        depth, first = 0, 0
        for token in tokenize.generate_tokens(iter(texts).__next__):
            row, col = token.start
            start = self.lines[row - 1] + len(texts[row - 1][:col].encode()) if row <= len(texts) else len(self.bytes)
            # From CPython 3.12 on, an f-string is several tokens; here it is one.
            name = tokenize.tok_name[token.type]
            if name in ("FSTRING_START", "TSTRING_START"):
                first = first if depth else start
                depth += 1
            elif name in ("FSTRING_END", "TSTRING_END"):
                depth -= 1
                if not depth:
                    end = start + len(token.string.encode())
                    self.tokens.append((tokenize.STRING, first, self.bytes[first:end].decode()))
            elif not depth and token.type in (tokenize.NAME, tokenize.NUMBER, tokenize.STRING):
                self.tokens.append((token.type, start, token.string))
        self.names = {start: text for kind, start, text in self.tokens if kind == tokenize.NAME}
        self.order = sorted(self.names)

    def at(self, row, col):
        return self.lines[row - 1] + col

    def start(self, node):
        return self.at(node.lineno, node.col_offset)

    def end(self, node):
        return self.at(node.end_lineno, node.end_col_offset)

    def find(self, name, start, end):
        """The first token with this spelling in a range."""
        for at in self.order:
            if start <= at < end and self.names[at] == name:
                return at
        raise ValueError(f"no token {name}")


def name_edits(tree, source, bound, inside_string):
    """The edits (start, end, text) that rename what a tree holds, apart from the fields of f-strings."""
    edits = {}

    def put(at, old, new):
        if new is not None:
            assert source.bytes[at : at + len(old.encode())] == old.encode(), (old, at)
            edits[at] = (at, at + len(old.encode()), new)

    def walk(node, cls):
        if type(node).__name__ in ("JoinedStr", "TemplateStr") and not inside_string:
            return  # Its positions are not those of the text; string_edit reads the fields itself.
        if isinstance(node, ast.Name):
            put(source.start(node), node.id, bound.names.get(node.id))
        elif isinstance(node, ast.Attribute):
            put(source.end(node) - len(node.attr.encode()), node.attr, bound.attributes.get(node.attr))
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            put(source.find(node.name, source.start(node), source.end(node)), node.name, bound.names.get(node.name))
        elif isinstance(node, ast.arg):
            put(source.start(node), node.arg, bound.names.get(node.arg))
        elif isinstance(node, ast.alias) and node.asname:
            at = source.end(node) - len(node.asname.encode())
            put(at, node.asname, bound.names.get(node.asname))
        elif isinstance(node, ast.ExceptHandler) and node.name:
            start = source.end(node.type)
            put(source.find(node.name, start, source.end(node)), node.name, bound.names.get(node.name))
        elif isinstance(node, (ast.MatchAs, ast.MatchStar)) and node.name:
            put(source.end(node) - len(node.name.encode()), node.name, bound.names.get(node.name))
        elif isinstance(node, (ast.Global, ast.Nonlocal)):
            for name in node.names:
                put(source.find(name, source.start(node) + 6, source.end(node)), name, bound.names.get(name))
        elif isinstance(node, ast.Call):
            for argument in node.keywords:
                if argument.arg and bound.takes(node.func, argument.arg, cls):
                    put(source.start(argument), argument.arg, bound.names.get(argument.arg))
        inner = node if isinstance(node, ast.ClassDef) else cls
        for child in ast.iter_child_nodes(node):
            walk(child, inner)

    walk(tree, None)
    return list(edits.values())


def apply(data, edits):
    out, last = [], 0
    for start, end, text in sorted(edits):
        out += [data[last:start], text.encode()]
        last = end
    return b"".join([*out, data[last:]]).decode()


def other_number(text):
    """Another number of the same type."""
    if text[-1] in "jJ":
        return "9.25j" if text != "9.25j" else "8.5j"
    value = ast.literal_eval(text)
    if isinstance(value, float):
        return repr(value * 3 + 0.125) if value * 3 + 0.125 < 1e15 else "41.5"
    return str(value * 3 + 11)


def other_letters(text):
    def turn(ch):
        if "a" <= ch <= "z":
            return chr((ord(ch) - 97 + 7) % 26 + 97)
        if "A" <= ch <= "Z":
            return chr((ord(ch) - 65 + 7) % 26 + 65)
        return ch

    return "".join(map(turn, text))


def other_text(text, raw):
    """Other letters, with escapes as they are."""
    if raw:
        return other_letters(text)
    out, last = [], 0
    for match in ESCAPE.finditer(text):
        out += [other_letters(text[last : match.start()]), match.group()]
        last = match.end()
    return "".join([*out, other_letters(text[last:])])


def field_end(text, at):
    """The end of the expression of a replacement field that starts at a place."""
    depth, quote = 0, None
    while at < len(text):
        ch = text[at]
        if quote:
            if text.startswith(quote, at):
                at += len(quote) - 1
                quote = None
        elif ch in "'\"":
            quote = ch * 3 if text.startswith(ch * 3, at) else ch
            at += len(quote) - 1
        elif ch in "([{":
            depth += 1
        elif depth and ch in ")]}":
            depth -= 1
        elif ch in ":}" and not depth:
            return at
        elif ch == "!" and not depth and text[at + 1 : at + 2] != "=":
            return at
        at += 1
    raise ValueError("a replacement field is not closed")


def other_fields(text, raw, bound):
    """The content of an f-string: other constant parts, renamed fields."""
    out, at, constant = [], 0, ""
    while at < len(text):
        if text.startswith(("{{", "}}"), at):
            constant += text[at : at + 2]
            at += 2
        elif not raw and text.startswith("\\N{", at):
            end = text.index("}", at) + 1
            constant += text[at:end]
            at = end
        elif text[at] == "{":
            out.append(other_text(constant, raw))
            constant = ""
            end = field_end(text, at + 1)
            out.append("{" + renamed_expression(text[at + 1 : end], bound))
            at = end
            if text[at] == "!":
                out.append(text[at : at + 2])
                at += 2
            if text[at] == ":":
                # The format keeps its letters; fields in it are renamed.
                start, at = at, at + 1
                while text[at] != "}":
                    if text[at] == "{":
                        end = field_end(text, at + 1)
                        out.append(text[start : at + 1] + renamed_expression(text[at + 1 : end], bound))
                        start = at = end
                    at += 1
                out.append(text[start:at])
            out.append("}")
            at += 1
        else:
            constant += text[at]
            at += 1
    return "".join(out) + other_text(constant, raw)


def renamed_expression(text, bound):
    """A field's expression (a trailing `=` apart) with names renamed and literals left alone."""
    bare = text.rstrip()
    if bare.endswith("=") and bare[-2:] not in ("==", "!=", "<=", ">="):
        bare = bare[:-1].rstrip()
    code = "(" + bare + ")"
    edits = name_edits(ast.parse(code, mode="eval"), Source(code), bound, True)
    return apply(code.encode(), edits)[1:-1] + text[len(bare) :]


def other_string(text, bound):
    """Another string of the same kind."""
    prefix = re.match(r"[A-Za-z]*", text).group()
    rest = text[len(prefix) :]
    quote = rest[:3] if rest[:3] in ('"""', "'''") else rest[0]
    content = rest[len(quote) : len(rest) - len(quote)]
    raw = "r" in prefix.lower()
    if "f" in prefix.lower() or "t" in prefix.lower():
        new = other_fields(content, raw, bound)
    else:
        new = other_text(content, raw)
    if new == content:
        new = "q" + new
    return prefix + quote + new + quote


def shape(tree):
    return [type(node).__name__ for node in ast.walk(tree)]


def renamed(code):
    tree = ast.parse(code)
    source, bound = Source(code), Bound(tree)
    edits = name_edits(tree, source, bound, False)
    for kind, start, text in source.tokens:
        if kind == tokenize.NUMBER:
            edits.append((start, start + len(text.encode()), other_number(text)))
        elif kind == tokenize.STRING:
            edits.append((start, start + len(text.encode()), other_string(text, bound)))
    copy = apply(source.bytes, edits)
    if shape(ast.parse(copy)) != shape(tree):
        raise ValueError("the copy has another shape")
    return copy


def main():
    warnings.simplefilter("ignore")
    for line in sys.stdin:
        code = json.loads(line)["code"]
        try:
            out = {"code": code, "renamed": renamed(code)}
        except (SyntaxError, ValueError, AssertionError, tokenize.TokenError) as error:
            out = {"code": code, "error": f"{type(error).__name__}: {error}"}
        sys.stdout.write(json.dumps(out, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
