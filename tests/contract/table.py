"""Prints what each operation answered how often, and fails where one never took anything."""

import json
import sys

METHODS = ("get", "post", "put", "patch", "delete")


def main(document, counts):
    with open(document, encoding="utf-8") as text:
        paths = json.load(text)["paths"]
    with open(counts, encoding="utf-8") as text:
        counted = json.load(text)
    operations = [f"{method.upper()} {path}" for path, item in paths.items() for method in METHODS if method in item]
    statuses = sorted({status for row in counted.values() for status in row})
    width = max(map(len, operations))
    print(f"\n{'operation':{width}} {'calls':>6} {'taken':>6}", *(f"{status:>5}" for status in statuses))
    never = []
    for operation in operations:
        row = counted.get(operation, {})
        taken = sum(number for status, number in row.items() if status == "303" or status.startswith("2"))
        print(f"{operation:{width}} {sum(row.values()):>6} {taken:>6}", *(f"{row.get(status, 0):>5}" for status in statuses))
        if not taken:
            never.append(operation)
    for operation in never:
        print(f"{operation} took nothing: only its refusals were tested", file=sys.stderr)
    return 1 if never else 0


sys.exit(main(*sys.argv[1:]))
