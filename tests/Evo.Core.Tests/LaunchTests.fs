/// Which processes a run has, from the environment and the command line.
module Evo.Core.Tests.LaunchTests

open Evo.Core
open Evo.Core.Tests.Properties
open FsCheck.FSharp
open Xunit

let private decide (variables: (string * string) list) flags =
    Launches.decide (dict variables |> System.Collections.Generic.Dictionary) flags

let private problems =
    function
    | Error(found: string list) -> found
    | Ok launch -> failwith $"{launch} was not refused"

let private memberOf =
    function
    | Ok(Launch.Member it) -> it
    | other -> failwith $"{other}"

let private spawning =
    function
    | Ok(Launch.Spawn it) -> it
    | other -> failwith $"{other}"

let private torchrun =
    [
        "RANK", "5"
        "WORLD_SIZE", "8"
        "LOCAL_RANK", "1"
        "MASTER_ADDR", "10.0.0.1"
        "MASTER_PORT", "29400"
    ]

let private slurm =
    [
        "SLURM_PROCID", "3"
        "SLURM_NTASKS", "4"
        "SLURM_LOCALID", "1"
        "SLURM_STEP_ID", "0"
        "SLURM_JOB_ID", "123"
        "SLURM_JOB_NODELIST", "node[07-09],other"
    ]

[<Fact>]
let ``nothing said is one process`` () =
    Assert.Equal(Ok Launch.Alone, decide [] LaunchFlags.None)
    // A batch script of Slurm is no task of it.
    Assert.Equal(Ok Launch.Alone, decide [ "SLURM_PROCID", "0"; "SLURM_NTASKS", "4" ] LaunchFlags.None)
    Assert.Equal(Ok Launch.Alone, decide [] { LaunchFlags.None with Nproc = Some 1 })

[<Fact>]
let ``the variables of torchrun make a member, and rank 0 serves the store unless the agent does`` () =
    let it = memberOf (decide torchrun LaunchFlags.None)

    Assert.Equal(
        {
            Rank = 5
            Size = 8
            LocalRank = 1
            Host = "10.0.0.1"
            Port = 29400
            FirstRankServes = true
            By = "torchrun"
        },
        it
    )

    let first = ("RANK", "0") :: List.tail torchrun
    Assert.True (memberOf (decide first LaunchFlags.None)).Serves

    let agent = ("TORCHELASTIC_USE_AGENT_STORE", "True") :: first
    Assert.False (memberOf (decide agent LaunchFlags.None)).Serves

[<Fact>]
let ``every missing or wrong variable is named`` () =
    let found =
        problems (decide [ "RANK", "9"; "WORLD_SIZE", "8"; "MASTER_PORT", "x" ] LaunchFlags.None)

    Assert.Equal<string list>(
        [
            "RANK = 9: it must be a whole number from 0 to 7"
            "LOCAL_RANK is not set: torchrun sets it beside the others"
            "MASTER_ADDR is not set: torchrun sets it beside the others"
            "MASTER_PORT = x: it must be a whole number from 1 to 65535"
        ],
        found
    )

[<Fact>]
let ``a task of Slurm meets the others at the first host, at a port of the job's own`` () =
    let it = memberOf (decide slurm LaunchFlags.None)
    Assert.Equal("node07", it.Host)
    Assert.Equal((3, 4, 1, false), (it.Rank, it.Size, it.LocalRank, it.Serves))
    Assert.InRange(it.Port, 20000, 29999)

    let other =
        memberOf (decide (("SLURM_JOB_ID", "124") :: slurm |> List.distinctBy fst) LaunchFlags.None)

    Assert.NotEqual(it.Port, other.Port)
    // The ranks of one step agree.
    let first =
        memberOf (decide (("SLURM_PROCID", "0") :: slurm |> List.distinctBy fst) LaunchFlags.None)

    Assert.Equal((it.Host, it.Port, true), (first.Host, first.Port, first.Serves))

[<Theory>]
[<InlineData("node1", "node1")>]
[<InlineData("node1,node2", "node1")>]
[<InlineData("node[01-03,07],other", "node01")>]
[<InlineData("r[2,4]c[10-12]", "r2c10")>]
[<InlineData("a[3]-ib,b", "a3-ib")>]
let ``the first host of a list of Slurm`` (list: string, host: string) =
    Assert.Equal(Some host, HostList.first list)

[<Fact>]
let ``a list that names no host is refused`` () =
    Assert.Equal(None, HostList.first "node[01-03")
    Assert.Equal(None, HostList.first "")

    let broken = ("SLURM_JOB_NODELIST", "node[1") :: slurm |> List.distinctBy fst

    Assert.Contains(
        "SLURM_JOB_NODELIST = node[1",
        List.exactlyOne (problems (decide broken LaunchFlags.None))
    )

[<Fact>]
let ``nproc spawns on this host at any free port`` () =
    let it = spawning (decide [] { LaunchFlags.None with Nproc = Some 4 })

    Assert.Equal(
        {
            Count = 4
            FirstRank = 0
            Size = 4
            Host = "127.0.0.1"
            Port = None
            Serves = true
        },
        it
    )

[<Fact>]
let ``two hosts need their place and the address of host 0, and say so together`` () =
    let flags =
        { LaunchFlags.None with
            Nproc = Some 2
            Nnodes = Some 2
        }

    Assert.Equal(2, (problems (decide [] flags)).Length)

    let second =
        spawning (
            decide
                []
                { flags with
                    NodeRank = Some 1
                    MasterAddr = Some "10.0.0.1"
                }
        )

    Assert.Equal(
        (2, 2, 4, Some Launches.DefaultPort, false),
        (second.Count, second.FirstRank, second.Size, second.Port, second.Serves)
    )

    let beyond =
        { flags with
            NodeRank = Some 2
            MasterAddr = Some "10.0.0.1"
        }

    Assert.Equal<string list>([ "--node-rank 2: it must be from 0 to 1" ], problems (decide [] beyond))

[<Fact>]
let ``options beside the variables of torchrun are refused, and are not obeyed twice by what they started``
    ()
    =
    let flags = { LaunchFlags.None with Nproc = Some 8 }
    Assert.Contains("use one of them", List.exactlyOne (problems (decide torchrun flags)))
    let child = memberOf (decide ((Launches.SpawnedKey, "1") :: torchrun) flags)
    Assert.Equal("evo --nproc", child.By)

[<Fact>]
let ``hosts share out the ranks: all of them, each once`` () =
    forAll (Gen.zip (Gen.choose (2, 6)) (Gen.choose (1, 8))) noShrink (fun (nnodes, nproc) ->
        let ranks =
            [
                for node in 0 .. nnodes - 1 do
                    let it =
                        spawning (
                            decide
                                []
                                { LaunchFlags.None with
                                    Nproc = Some nproc
                                    Nnodes = Some nnodes
                                    NodeRank = Some node
                                    MasterAddr = Some "a"
                                }
                        )

                    yield! [ it.FirstRank .. it.FirstRank + it.Count - 1 ]
            ]

        ranks = [ 0 .. nnodes * nproc - 1 ])
