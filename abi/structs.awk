# Prints NAME MEMBERS SIZE NAMES for every struct of the library in a dump of abidw: how many members it has, its size in bits,
# and the members' names with commas behind them.

function attribute(name) {
    return match($0, " " name "='[^']*'") ? substr($0, RSTART + length(name) + 3, RLENGTH - length(name) - 4) : ""
}
/<class-decl name='ws_/ && !/is-declaration-only/ {
    struct = attribute("name")
    size = attribute("size-in-bits")
    members = 0
    names = ""
}
/<data-member/ { in_member = 1 }
in_member && /<var-decl/ { members++; names = names attribute("name") ","; in_member = 0 }
/<\/class-decl>/ { if (struct != "") print struct, members, size, names; struct = "" }
