
# The words of a query are completed by `scenery complete`, all else by the function above.

# Options of a verb that take a value.
_scenery_values() {
    case "$1" in
@OPTIONS@
    esac
}

_scenery_query() {
    # What a verb takes beside the query, and the words before the cursor as the shell will take them.
    local verb="" directory="." only="" named="" value="" each
    local -a values terms before
    values=(-C --directory --color)
    before=("${(@Q)words[2,CURRENT-1]}")
    for each in "${before[@]}"; do
        if [[ -n $value ]]; then
            [[ $value == -C || $value == --directory ]] && directory="$each"
            value=""
        elif [[ -n $only ]]; then
            terms+=("$each")
        elif (( ${values[(Ie)$each]} )); then
            value="$each"
        elif [[ -z $verb ]]; then
            case "$each" in
            (-C?*) directory="${each#-C}" ;;
            (--directory=*) directory="${each#--directory=}" ;;
            (-*) ;;
            (*) verb="$each"; values+=($(_scenery_values "$verb")) ;;
            esac
        elif [[ $each == -- ]]; then
            only=1
        elif [[ $each == --* || $each == -? || $each =~ '^-n[0-9]+$' ]]; then
            :
        elif [[ $verb == save && -z $named ]]; then
            named=1
        else
            terms+=("$each")
        fi
    done
    [[ $verb == save && -z $named ]] && verb=""
    if [[ $verb != (query|count|explain|complete|export|save) || -n $value || ( -z $only && $PREFIX == --* ) ]]; then
        _scenery "$@"
        return
    fi
    # The current word without its quotes; an open quote stands in QIPREFIX.
    local word="${(Q)PREFIX}" stem="${(j: :)terms}" tab=$'\t'
    [[ -n $stem ]] && stem+=" "
    local -a found inserts shown
    local from
    () { setopt localoptions nomultibyte; from=${#stem} }
    found=("${(@f)$("${words[1]}" -C "${~directory}" --quiet complete --word $from -- "$stem$word" 2>/dev/null)}")
    for each in "${found[@]}"; do
        [[ -n $each ]] || continue
        shown+=("${each/$tab/  }")
        each="${each%%$tab*}"
        # Outside of quotes a blank at the end would be one of the word.
        [[ -n $QIPREFIX ]] || each="${each% }"
        inserts+=("$each")
    done
    (( $#inserts )) || return 1
    # -U: the tool has matched already, in any case.
    compadd -U -V scenery -S '' -l -d shown -a inserts
}

compdef _scenery_query scenery
# Where this file was loaded by a first completion, that one is waiting.
if [ "$funcstack[1]" = "_scenery" ]; then
    _scenery_query "$@"
fi
