#!/bin/sh
# Runs experiment.jmx with Apache JMeter, without a window, against a system that is up:
#
#   standfast up voted-inventory -d
#   crates/systems/voted-inventory/jmeter/run.sh [SECONDS] [QUERIES_PER_S] [ORDERS_PER_S] [-J…]
#
# JMeter is brought by Maven when JMETER_HOME names none. A rate of 0 leaves a group out. Other ports
# than the declared ones: -Jvoter.port=… -Jorders.port=… Each answer stands in RESULTS (a .jtl file).
set -eu
here=$(cd "$(dirname "$0")" && pwd)
seconds=${1:-30} queries=${2:-50} orders=${3:-50}
shift $(($# < 3 ? $# : 3))
results=${RESULTS:-$(mktemp -d)/results.jtl}
home=${JMETER_HOME:-${XDG_CACHE_HOME:-$HOME/.cache}/standfast-jmeter}

maven() {
    goal=org.apache.maven.plugins:maven-dependency-plugin:3.6.1:$1
    shift
    mvn --batch-mode --quiet --file "$here/pom.xml" "$goal" -DincludeScope=runtime "$@" >&2
}

bring() {
    fresh=$home.new
    rm -rf "$fresh" "$home"
    mkdir -p "$fresh/lib/ext"
    # JMeter looks for its settings in bin/, for its parts in lib/ext, and for the rest in lib.
    maven copy-dependencies -DoutputDirectory="$fresh/lib"
    maven unpack-dependencies -DoutputDirectory="$fresh" \
        -DincludeArtifactIds=ApacheJMeter_config -Dmdep.unpack.includes='bin/**'
    mv "$fresh"/lib/ApacheJMeter_*.jar "$fresh/lib/ext/"
    mv "$fresh"/lib/ApacheJMeter-*.jar "$fresh/bin/ApacheJMeter.jar"
    # Half a set of jars must not be taken for JMeter, so its folder gets its name at the end.
    mv "$fresh" "$home"
}
[ -f "$home/bin/ApacheJMeter.jar" ] || bring

# A group that sends nothing needs no thread; one that sends can wait for that many answers at once.
threads() { [ "$1" -eq 0 ] && echo 0 || echo 32; }
java -Xms256m -Xmx256m -jar "$home/bin/ApacheJMeter.jar" --nongui \
    --testfile "$here/experiment.jmx" --logfile "$results" --jmeterlogfile "$results.log" \
    -Jduration="$seconds" -Jquery.per_minute=$((queries * 60)) -Jorder.per_minute=$((orders * 60)) \
    -Jquery.threads="$(threads "$queries")" -Jorder.threads="$(threads "$orders")" \
    -Jjmeter.save.saveservice.output_format=csv -Jsummariser.name= "$@" >"$results.out" 2>&1 ||
    { cat "$results.out" >&2; exit 1; }

# Columns by their names: the third of JMeter's is the label only by default.
for label in query_inventory create_order; do
    awk -F, -v label="$label" '
        NR == 1 { for (i = 1; i <= NF; i++) column[$i] = i; next }
        $column["label"] == label { print $column["elapsed"], $column["success"] }
    ' "$results" | sort -n | awk -v label="$label" -v seconds="$seconds" '
        { elapsed[NR] = $1; failed += $2 != "true" }
        function at(share, rank) { rank = int(share * NR); return elapsed[rank < share * NR ? rank + 1 : rank] }
        END { if (NR) printf "%-16s sent %d (%.1f/s)  failed %d  p50 %d ms  p95 %d ms  p99 %d ms  max %d ms\n",
            label, NR, NR / seconds, failed, at(0.5), at(0.95), at(0.99), elapsed[NR] }'
done
echo "results  $results"
