/// The lines of metrics.jsonl over kills and resumptions.
module Evo.Parallel.Tests.MetricsFiles

open System.IO
open Evo.Parallel
open Evo.Parallel.Tests.Folders
open Xunit

let private line (step: int64) =
    $"""{{"step":{step},"batch_count":{step},"loss":1.5}}"""

let private write (path: string) last steps =
    use file = new MetricsFile(path, last)

    for step in steps do
        file.Append(line step)

[<Fact>]
let ``a run that resumes cuts off what lies after its checkpoint`` () =
    use folder = new TemporaryFolder()
    let path = folder.File "metrics.jsonl"
    write path 0L [ 1L .. 7L ]
    write path 4L [ 5L .. 6L ]
    Assert.Equal<string seq>(Seq.map line [ 1L .. 6L ], File.ReadAllLines path)

[<Fact>]
let ``half a line that a kill left is cut off`` () =
    use folder = new TemporaryFolder()
    let path = folder.File "metrics.jsonl"
    write path 0L [ 1L .. 3L ]

    for half in [ "{"; """{"batch_count":4"""; """{"batch_count":4}"""; "\x00\x00\x00\n" ] do
        File.AppendAllText(path, half)
        write path 9L []
        Assert.Equal<string seq>(Seq.map line [ 1L .. 3L ], File.ReadAllLines path)

[<Fact>]
let ``a fresh run begins an empty file`` () =
    use folder = new TemporaryFolder()
    let path = folder.File "metrics.jsonl"
    write path 0L [ 1L .. 3L ]
    write path 0L [ 1L ]
    Assert.Equal<string seq>([ line 1L ], File.ReadAllLines path)
