/// What watches a run while nobody does: alerts that arrive and hold nobody up, event files, a folder that explains itself.
module Evo.Parallel.Tests.Watching

open System
open System.Collections.Concurrent
open System.Diagnostics
open System.IO
open System.Net
open System.Text
open System.Text.Json
open System.Threading
open Evo.Core
open Evo.Parallel
open Evo.Parallel.Tests.Folders
open Evo.Parallel.Tests.TinyRuns
open Xunit

let private freePort () =
    use probe = new Sockets.TcpListener(IPAddress.Loopback, 0)
    probe.Start()
    (probe.LocalEndpoint :?> IPEndPoint).Port

/// A web hook on loopback that answers each post with the next of these codes, the last for ever; 0 never answers.
type private Hook(codes: int list) =
    let port = freePort ()
    let listener = new HttpListener()
    let bodies = ConcurrentQueue<string>()
    let mutable left = codes

    do
        listener.Prefixes.Add $"http://127.0.0.1:{port}/"
        listener.Start()

        let answer () =
            try
                while true do
                    let context = listener.GetContext()
                    use reader = new StreamReader(context.Request.InputStream, Encoding.UTF8)
                    bodies.Enqueue(reader.ReadToEnd())

                    match left with
                    | 0 :: _ -> ()
                    | code :: rest ->
                        left <- if rest.IsEmpty then [ code ] else rest
                        context.Response.StatusCode <- code
                        context.Response.Close()
                    | [] -> ()
            with
            | :? HttpListenerException
            | :? ObjectDisposedException -> ()

        Thread(answer, IsBackground = true).Start()

    member _.Address = $"http://127.0.0.1:{port}/hook"
    member _.Bodies = List.ofSeq bodies

    interface IDisposable with
        member _.Dispose() = listener.Close()

let private quick =
    AlertPatience(
        Try = TimeSpan.FromSeconds 0.5,
        FirstPause = TimeSpan.FromMilliseconds 10.0,
        AtEnd = TimeSpan.FromSeconds 60.0
    )

let private message kind text =
    AlertMessage("a run", kind, 7L, text, "here", DateTimeOffset.UnixEpoch)

/// Sends alerts, waits for the end, gives what was not delivered.
let private send (hooks: AlertHook list) patience (kinds: string list) =
    let undelivered = ConcurrentQueue<string>()

    (use sender = new AlertSender(hooks, Action<string> undelivered.Enqueue, patience)

     for kind in kinds do
         sender.Send(message kind "words"))

    List.ofSeq undelivered

let private field (name: string) (json: string) =
    use document = JsonDocument.Parse json
    document.RootElement.GetProperty(name).ToString()

[<Fact>]
let ``alerts arrive in order, each once, though the hook fails twice`` () =
    use hook = new Hook([ 500; 503; 200 ])

    let undelivered =
        send [ JsonHook(Uri hook.Address) ] quick [ "spike"; "stall"; "failure" ]

    Assert.Empty undelivered

    Assert.Equal<string list>(
        [ "spike"; "spike"; "spike"; "stall"; "failure" ],
        hook.Bodies |> List.map (field "kind")
    )

    Assert.Equal("a run", field "job_name" hook.Bodies.Head)
    Assert.Equal("words", field "text" hook.Bodies.Head)

[<Fact>]
let ``a Feishu robot gets a post with the run as title`` () =
    use hook = new Hook([ 200 ])
    send [ FeishuHook(Uri hook.Address) ] quick [ "spike" ] |> Assert.Empty
    use document = JsonDocument.Parse(Assert.Single hook.Bodies)
    Assert.Equal("post", document.RootElement.GetProperty("msg_type").GetString())

    let post =
        document.RootElement.GetProperty("content").GetProperty("post").GetProperty "zh_cn"

    Assert.Equal("a run", post.GetProperty("title").GetString())
    let line = (post.GetProperty "content")[0]
    let part = line[0]
    Assert.Equal("words (here)", part.GetProperty("text").GetString())

[<Fact>]
let ``a hook that refuses is not asked again, one that is not there is given up, and both are told`` () =
    use hook = new Hook([ 404 ])

    Assert.Equal<string list>(
        [ "spike to 127.0.0.1: it answered 404" ],
        send [ JsonHook(Uri hook.Address) ] quick [ "spike" ]
    )

    Assert.Single hook.Bodies |> ignore
    let nobody = JsonHook(Uri "http://127.0.0.1:9/")
    Assert.StartsWith("spike to 127.0.0.1: ", Assert.Single(send [ nobody ] quick [ "spike" ]))

[<Fact>]
let ``whoever alerts goes on at once, and the end of a run waits only so long`` () =
    use hook = new Hook([ 0 ])
    let undelivered = ConcurrentQueue<string>()

    let patience =
        AlertPatience(Try = TimeSpan.FromSeconds 20.0, AtEnd = TimeSpan.FromSeconds 0.3)

    let sender =
        new AlertSender([ JsonHook(Uri hook.Address) ], Action<string> undelivered.Enqueue, patience)

    let clock = Stopwatch.StartNew()

    for _ in 1..1000 do
        sender.Send(message "spike" "words")

    Assert.True(clock.Elapsed.TotalSeconds < 5.0, $"{clock.Elapsed}")
    // Some are in the queue, and the others are known not to be.
    Assert.True(undelivered.Count >= 1000 - 64 - 2, $"{undelivered.Count}")
    clock.Restart()
    (sender :> IDisposable).Dispose()
    Assert.True(clock.Elapsed.TotalSeconds < 15.0, $"{clock.Elapsed}")

let private withData () =
    let folder = new TemporaryFolder()
    writeData folder.Path
    folder

[<Fact>]
let ``a run's folder says what ran, with what, on what, and what happened`` () =
    use folder = withData ()
    let config = config folder.Path "LLAMA2" []
    run config |> fst |> ignore
    run config |> fst |> ignore
    let at name = Path.Combine(config.Folder, name)
    let starts = File.ReadAllLines(at "environment.jsonl")
    Assert.Equal(2, starts.Length)
    use start = JsonDocument.Parse starts[0]
    let root = start.RootElement
    Assert.Equal(Environment.MachineName, root.GetProperty("host").GetString())
    Assert.Equal(1, root.GetProperty("layout").GetProperty("ranks").GetInt32())
    Assert.Matches(@"^\d+\.\d+", root.GetProperty("versions").GetProperty("libtorch").GetString())
    let log = File.ReadAllLines(at "logs/rank-00000.log")
    Assert.All(log, (fun line -> Assert.Matches(@"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z ", line)))
    let text = String.Join("\n", log)

    for words in
        [
            "rank 0 of 1 begins"
            "step 12: loss "
            "CheckpointSaved"
            "Validated"
            "the rank ends"
        ] do
        Assert.Contains(words, text)

    // Event files begin with a record of 24 bytes, its masked checksum, and a time; their content is tested where they are written.
    let events = Directory.GetFiles(at "tensorboards", "events.out.tfevents.*")
    Assert.Equal(2, events.Length)
    let bytes = File.ReadAllBytes(Seq.min events)
    Assert.Equal("1800000000000000A37F4B2209", Convert.ToHexString bytes[..12])
    let written = Encoding.Latin1.GetString bytes

    for tag in
        [
            "loss"
            "tgs (tokens/gpu/second)"
            "lr"
            "grad_norm"
            "acc"
            "val/valid_loss"
            "val/valid_acc"
            "config/text_summary"
        ] do
        Assert.Contains(tag, written)

[<Fact>]
let ``enable_tb false writes no event files, tensorboard_folder puts them elsewhere`` () =
    use folder = withData ()

    let none =
        config folder.Path "LLAMA2" [ "enable_tb=false"; "data.total_steps=2"; "lr_scheduler.total_steps=3" ]

    run none |> ignore
    Assert.False(Directory.Exists(Path.Combine(none.Folder, "tensorboards")))
    let elsewhere = folder.File "board"

    run (
        config
            folder.Path
            "LLAMA2"
            [
                $"tensorboard_folder={elsewhere}"
                "data.total_steps=3"
                "lr_scheduler.total_steps=3"
            ]
    )
    |> ignore

    Assert.Single(Directory.GetFiles elsewhere) |> ignore

[<Fact>]
let ``a run that gives up on infinite gradients alerts once for them and once for its end`` () =
    use folder = withData ()
    use hook = new Hook([ 200 ])

    let config =
        config
            folder.Path
            "LLAMA2"
            [
                "adam.lr=1e30"
                "lr_scheduler.warmup_ratio=0"
                "hybrid_zero_optimizer.clip_grad_norm=0"
                "train.max_skipped_steps=3"
                $"monitor.alert.webhook_address={hook.Address}"
                "monitor.alert.spike_ratio=1e300"
            ]

    let failure = Assert.Throws<TrainingException>(fun () -> run config |> ignore)
    Assert.Equal<string list>([ "not_finite"; "failure" ], hook.Bodies |> List.map (field "kind"))
    Assert.Contains(failure.Message.Split(';')[0], field "text" (List.last hook.Bodies))
    Assert.Contains("alert, failure", File.ReadAllText(Path.Combine(config.Folder, "logs/rank-00000.log")))

[<Fact>]
let ``a run that stands still alerts while it does, and when it goes on`` () =
    use folder = withData ()
    use hook = new Hook([ 200 ])

    let config =
        config
            folder.Path
            "LLAMA2"
            [
                "data.total_steps=3"
                "data.valid_every=0"
                $"monitor.alert.webhook_address={hook.Address}"
                "monitor.alert.spike_ratio=1e300"
                "monitor.alert.stall_seconds=1.5"
            ]

    // Whoever is told of a step holds the run up.
    let dawdling =
        { new IProgress<TrainEvent> with
            member _.Report event =
                match event with
                | :? TrainEvent.StepDone as it when it.Report.Step = 2L -> Thread.Sleep 4000
                | _ -> ()
        }

    Trainer(config, dawdling).Run CancellationToken.None |> ignore
    let kinds = hook.Bodies |> List.map (field "kind")
    Assert.Contains("stall", kinds)
    Assert.Contains("goes_on", kinds)
    Assert.Contains("since step 2", hook.Bodies |> List.map (field "text") |> String.concat "\n")

[<Fact>]
let ``whoever asks while a run goes gets the figures of its last step, and a port that is taken ends the run before it begins``
    ()
    =
    use folder = withData ()
    let port = freePort ()
    use http = new Http.HttpClient()
    let address = $"http://127.0.0.1:{port}"
    let texts = ResizeArray<string>()

    let asking =
        { new IProgress<TrainEvent> with
            member _.Report event =
                match event with
                | :? TrainEvent.StepDone as it when it.Report.Step > 1L ->
                    texts.Add(http.GetStringAsync($"{address}/metrics").Result)
                | _ -> ()
        }

    let config =
        config
            folder.Path
            "LLAMA2"
            [
                "data.total_steps=3"
                "data.valid_every=0"
                $"monitor.prometheus.port={port}"
            ]

    Trainer(config, asking).Run CancellationToken.None |> ignore
    // A step is told before it is recorded: what is answered is the one before.
    Assert.Equal<string list>(
        [ "1"; "2" ],
        [
            for text in texts ->
                RegularExpressions.Regex.Match(text, @"(?m)^evo_step\{[^}]*\} (\d+)$").Groups[1].Value
        ]
    )

    Assert.ThrowsAny<exn>(fun () -> http.GetStringAsync($"{address}/metrics").Result |> ignore)
    |> ignore

    use taken = new Sockets.TcpListener(IPAddress.Loopback, port)
    taken.Start()
    let refused = Assert.Throws<TrainingException>(fun () -> run config |> ignore)
    Assert.Contains($"127.0.0.1:{port}", refused.Message)
