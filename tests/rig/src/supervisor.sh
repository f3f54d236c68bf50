# Runs one program for as long as the test process lives.
#
# usage: sh -c "$(cat supervisor.sh)" supervisor HOME LAST_SIGNAL PROGRAM [ARGUMENT...]
#
# Standard input is the leash. A line `start` starts the program; any other line is the name of a
# signal for it. When the leash ends (the rig was dropped, or the test process died in whatever way,
# SIGKILL too), the program gets LAST_SIGNAL and HOME is removed. Each start writes HOME/pid, and
# HOME/status once the program has ended; both appear whole, by renaming. Output goes to HOME/log.
home=$1 last=$2 runner=
shift 2

record() { echo "$2" >"$home/$1.new" && mv "$home/$1.new" "$home/$1"; }

deliver() {
    if [ -e "$home/pid" ] && ! [ -e "$home/status" ]; then
        read -r pid <"$home/pid"
        kill -s "$1" "$pid"
    fi
}

while read -r word; do
    case $word in
    start)
        rm -f "$home/pid" "$home/status"
        (
            "$@" </dev/null >>"$home/log" 2>&1 &
            program=$!
            record pid "$program" || kill -s KILL "$program"
            wait "$program"
            record status "$?"
        ) &
        runner=$!
        ;;
    *) deliver "$word" ;;
    esac
done

# A program that was started in the last moment may not have its pid written yet.
while [ -n "$runner" ] && ! [ -e "$home/pid" ] && kill -0 "$runner"; do sleep 0.01; done
deliver "$last"
wait
rm -rf "$home"
