# Makes of ktorws.h a C file that defines what it declares, so that its debug information holds all of it: every function,
# and for every type T a variable type_T, since not every type occurs in a function.
#
# Structs that may grow are cut to the members that they had in the release that `release` names, a file of lines
# NAME MEMBERS SIZE as abi/structs.awk prints them: so an addition at their end is no difference, and all else is one.

BEGIN {
    while (release != "" && (getline line < release) > 0) {
        split(line, field, " ")
        released[field[1]] = field[2]
    }
    # handed over in arrays
    delete released["ws_message"]
}

# An enumeration without a name is in no debug information.
/^enum \{$/ { in_enum = 1; constants = ""; next }
in_enum && /^};$/ { in_enum = 0; ended_enum = 1; next }
in_enum { constants = constants $0 "\n"; next }
ended_enum {
    ended_enum = 0
    type = $3
    sub(/;$/, "", type)
    print "typedef enum {\n" constants "} " type "_values;\n" $0
    types[type "_values"]
    next
}

/^typedef struct ws_[a-z_]+ \{$/ { in_struct = 1; count = 0; print; next }
/^} / {
    type = $2
    sub(/;$/, "", type)
    for (i = 1; in_struct && i <= count + 1; i++) {
        if (!(type in released) || i <= released[type]) printf "%s", member[i]
        delete member[i]
    }
    in_struct = 0
    types[type]
    print
    next
}
in_struct {
    member[count + 1] = member[count + 1] $0 "\n"
    if (/;$/ && !/^ *\*/) count++
    next
}

/^typedef/ { declaration = 0; print; next }
/^[a-z]/ { declaration = 1 }
declaration && sub(/\);$/, ") { __builtin_trap(); }") { declaration = 0 }
/^#endif.*KTORWS_H/ { for (type in types) print type " *type_" type ";" }
{ print }
