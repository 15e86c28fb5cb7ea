# Reads an xunit.v3 report (-xml) and writes lines: `count passed failed skipped`, `fail name: message`,
# `skip name: reason`, separated by tabs.
function attribute(text, name,    at) {
    if (!match(text, "(^| )" name "=\"[^\"]*\"")) return ""
    at = substr(text, RSTART, RLENGTH)
    sub(/^[^"]*"/, "", at)
    sub(/"$/, "", at)
    return plain(at)
}
function plain(text) {
    gsub(/&lt;/, "<", text); gsub(/&gt;/, ">", text); gsub(/&quot;/, "\"", text); gsub(/&apos;/, "'", text)
    gsub(/\\"/, "\"", text); gsub(/&#xA;|&#xD;|[\r\n\t]+/, " ", text); gsub(/&amp;/, "\\&", text)
    return text
}
function cdata(text, element,    from, rest) {
    from = index(text, "<" element "><![CDATA[")
    if (!from) return ""
    rest = substr(text, from + length(element) + 11)
    return plain(substr(rest, 1, index(rest, "]]>") - 1))
}
BEGIN { RS = "<test " }
NR == 1 {
    if (match($0, /<assembly [^>]*>/)) {
        head = substr($0, RSTART, RLENGTH)
        printf "count\t%d\t%d\t%d\n", attribute(head, "passed"), attribute(head, "failed") + attribute(head, "errors"), \
            attribute(head, "skipped")
    }
    tail = $0
}
NR > 1 {
    tail = $0
    head = substr($0, 1, index($0, ">"))
    result = attribute(head, "result")
    if (result == "Fail") printf "fail\t%s\t%s\n", attribute(head, "name"), cdata($0, "message")
    if (result == "Skip") printf "skip\t%s\t%s\n", attribute(head, "name"), cdata($0, "reason")
}
END { if (index(tail, "<errors>")) printf "fail\t(outside a test)\t%s\n", cdata(substr(tail, index(tail, "<errors>")), "message") }
