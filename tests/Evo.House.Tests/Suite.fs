/// The test script itself, on a stage of stand-ins: whatever a test program does, the last line and the exit code are right.
module Evo.House.Tests.Suite

open System
open System.IO
open Xunit
open Evo.House.Tests.Stage

/// A stage with `test` and test programs that leave given reports.
let private stageOf (programs: (string * string * int) list) =
    needsWholeSystem ()
    let stage = new Stage()
    stage.Executable("check out/test", Checkout.read "test")
    stage.Write("check out/scripts/report.awk", Checkout.read "scripts/report.awk")
    stage.Executable("check out/scripts/style", "#!/bin/sh\nprintf 'pass\\tlayout\\t\\n'\n")

    for name, report, exit in programs do
        stage.Write($"check out/tests/{name}/{name}.fsproj", "")
        stage.Write($"reports/{name}.exit", string exit)
        stage.Write($"reports/{name}.classes", $"[\"{name}.A\",\"{name}.B\",\"{name}.C\"]")

        if report <> "" then
            stage.Write($"reports/{name}.xml", report)

    stage

/// An xunit report with so many tests of each kind; failures and skips give a reason.
let private report passed failed skipped =
    let test kind inner number =
        $"<test id=\"1\" name=\"{kind} &quot;{number}&quot; &lt;x&gt;\" type=\"T\" result=\"{kind}\" time=\"0\">{inner}</test>"

    let failure =
        "<failure><message><![CDATA[found 3,\nexpected <4>]]></message></failure>"

    String.Join(
        "",
        [
            $"<?xml version=\"1.0\"?><assemblies><assembly name=\"x\" errors=\"0\" failed=\"{failed}\" not-run=\"7\" passed=\"{passed}\" skipped=\"{skipped}\" total=\"9\"><collection>"
            yield! List.init passed (test "Pass" "")
            yield! List.init failed (test "Fail" failure)
            yield! List.init skipped (test "Skip" "<reason><![CDATA[no data & no luck]]></reason>")
            "</collection></assembly></assemblies>"
        ]
    )

let private lastLine (output: string) =
    output.TrimEnd().Split('\n') |> Array.last

[<Fact>]
let ``the last line sums the reports, and failures and skips are told with their words`` () =
    use stage =
        stageOf [ "Evo.Core.Tests", report 5 2 0, 1; "Evo.House.Tests", report 3 0 2, 0 ]

    let code, output, _ = stage.Run("check out/test", [])
    Assert.Equal("9 passed, 2 failed, 2 skipped", lastLine output) // the layout check is one of the nine
    Assert.Equal(1, code)
    Assert.Contains("Fail \"0\" <x>\n      found 3, expected <4>", output)
    Assert.Contains("Skip \"1\" <x>\n      no data & no luck", output)

[<Fact>]
let ``all passed is 0`` () =
    use stage = stageOf [ "Evo.Core.Tests", report 5 0 0, 0 ]
    let code, output, _ = stage.Run("check out/test", [ "Core" ])
    Assert.Equal((0, "5 passed, 0 failed, 0 skipped"), (code, lastLine output))

[<Fact>]
let ``a test program that crashes, with or without a report, or that runs nothing, is a failure`` () =
    for report, exit, expected in
        [
            "", 134, "0 passed, 1 failed, 0 skipped"
            report 4 0 0, 139, "4 passed, 1 failed, 0 skipped"
            report 0 0 0, 0, "0 passed, 1 failed, 0 skipped"
            "", 0, "0 passed, 1 failed, 0 skipped"
        ] do
        use stage = stageOf [ "Evo.Core.Tests", report, exit ]
        let code, output, _ = stage.Run("check out/test", [ "Core" ])
        Assert.Equal((1, expected), (code, lastLine output))

[<Fact>]
let ``an old report is not taken for a new one`` () =
    use stage = stageOf [ "Evo.Core.Tests", report 5 0 0, 0 ]
    stage.Run("check out/test", [ "Core" ]) |> ignore
    File.Delete(stage.Path "reports/Evo.Core.Tests.xml")
    let code, output, _ = stage.Run("check out/test", [ "Core" ])
    Assert.Equal((1, "0 passed, 1 failed, 0 skipped"), (code, lastLine output))

[<Fact>]
let ``a project that is not there is said, and nothing is run`` () =
    use stage = stageOf [ "Evo.Core.Tests", report 5 0 0, 0 ]
    let code, _, errors = stage.Run("check out/test", [ "Cor" ])
    Assert.Equal(2, code)
    Assert.Contains("no test project Cor", errors)
    Assert.False(File.Exists(stage.Path "ran.log"))

[<Fact>]
let ``a build that fails ends with 71 and runs nothing`` () =
    use stage = stageOf [ "Evo.Core.Tests", report 5 0 0, 0 ]
    stage.Write("break", "")
    let code, _, errors = stage.Run("check out/test", [])
    Assert.Equal(71, code)
    Assert.Contains("the log of the build", errors)
    Assert.False(File.Exists(stage.Path "ran.log"))

[<Fact>]
let ``the quick suite leaves out what is marked Full or Machine, and words after -- go to xunit`` () =
    use stage = stageOf [ "Evo.Core.Tests", report 5 0 0, 0 ]
    stage.Run("check out/test", [ "Core"; "--"; "-method"; "*x*" ]) |> ignore
    let ran = File.ReadAllText(stage.Path "ran.log").Trim()
    Assert.EndsWith(" -trait- Category=Full -trait- Category=Machine -method *x*", ran)

[<Fact>]
let ``the shards together run every class once, and a finished one is remembered until a source changes`` () =
    let names = [ "Evo.Core.Tests"; "Evo.House.Tests" ]
    use stage = stageOf [ for name in names -> name, report 2 0 0, 0 ]
    let log = stage.Path "ran.log"

    let classes () =
        [
            for line in File.ReadAllLines log do
                let words = line.Split ' '

                for at, word in Seq.indexed words do
                    if word = "-class" then
                        words[at + 1]
        ]
        |> List.sort

    for shard in 1..4 do
        let code, _, _ = stage.Run("check out/test", [ "--shard"; $"{shard}/4" ])
        Assert.Equal(0, code)

    let every =
        [
            for name in names do
                for letter in [ "A"; "B"; "C" ] -> $"{name}.{letter}"
        ]

    Assert.Equal<string list>(every, classes ())
    let before = File.ReadAllLines(log).Length
    let code, output, _ = stage.Run("check out/test", [ "--shard"; "2/4" ])
    Assert.Equal(0, code)
    Assert.Contains("finished before", output)
    Assert.Equal(before, File.ReadAllLines(log).Length)
    stage.Write("check out/src/Evo.Core/A.fs", "module A // another")
    stage.Run("check out/test", [ "--shard"; "2/4" ]) |> ignore
    Assert.True(File.ReadAllLines(log).Length > before)

[<Fact>]
let ``a shard that failed is run again`` () =
    use stage = stageOf [ "Evo.Core.Tests", report 1 1 0, 1 ]

    let run () =
        stage.Run("check out/test", [ "--shard"; "1/1" ])

    let code, output, _ = run ()
    Assert.Equal((1, "2 passed, 1 failed, 0 skipped"), (code, lastLine output))
    stage.Write("reports/Evo.Core.Tests.xml", report 2 0 0)
    stage.Write("reports/Evo.Core.Tests.exit", "0")
    let code, output, _ = run ()
    Assert.Equal((0, "3 passed, 0 failed, 0 skipped"), (code, lastLine output))

[<Fact>]
let ``a link to the data beside the checkout is found`` () =
    use stage = stageOf [ "Evo.Core.Tests", report 1 0 0, 0 ]
    Directory.CreateDirectory(stage.Path "testdata") |> ignore

    let program =
        (File.ReadAllText(stage.Path "sdk/dotnet")).Replace("echo \"$name $*\"", "echo \"$EVO_TEST_DATA\"")

    stage.Executable("sdk/dotnet", program)
    stage.Run("check out/test", [ "Core" ]) |> ignore
    Assert.Equal(stage.Path "testdata", File.ReadAllText(stage.Path "ran.log").Trim())
