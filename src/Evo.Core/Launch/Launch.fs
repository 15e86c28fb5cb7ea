namespace Evo.Core

open System
open System.Collections.Generic
open System.Globalization

/// What the command line says of processes; None where it says nothing.
type LaunchFlags =
    {
        /// `--nproc`: processes on this host.
        Nproc: int option
        /// `--nnodes`: hosts.
        Nnodes: int option
        /// `--node-rank`: this host's place among them, from 0.
        NodeRank: int option
        /// `--master-addr`: a name or address of host 0 that all reach.
        MasterAddr: string option
        /// `--master-port`.
        MasterPort: int option
    }

    /// A command line that says nothing of processes.
    static member None =
        {
            Nproc = None
            Nnodes = None
            NodeRank = None
            MasterAddr = None
            MasterPort = None
        }

/// This process is one rank of several.
type Membership =
    {
        Rank: int
        Size: int
        /// Its place among the ranks of its host.
        LocalRank: int
        /// Where the ranks find one another.
        Host: string
        Port: int
        /// Whether rank 0 serves the store there; otherwise who started it does.
        FirstRankServes: bool
        /// Who started it: "torchrun", "Slurm", "evo --nproc".
        By: string
    }

    /// Whether this rank serves the store.
    member it.Serves = it.FirstRankServes && it.Rank = 0

/// This process starts ranks, and minds them.
type Spawning =
    {
        /// Ranks on this host, from `FirstRank` on.
        Count: int
        FirstRank: int
        Size: int
        /// Where the ranks find one another.
        Host: string
        /// None: any port that is free.
        Port: int option
        /// Whether this process serves the store there; otherwise host 0 does.
        Serves: bool
    }

/// Which processes a run has, and what this one is among them.
[<RequireQualifiedAccess>]
type Launch =
    /// The run is this process.
    | Alone
    /// This process is one rank.
    | Member of Membership
    /// This process starts the ranks of this host.
    | Spawn of Spawning

    /// Every case, for C#.
    member launch.Match(alone: Func<'r>, memberOf: Func<Membership, 'r>, spawn: Func<Spawning, 'r>) =
        match launch with
        | Alone -> alone.Invoke()
        | Member it -> memberOf.Invoke it
        | Spawn it -> spawn.Invoke it

module Launches =

    /// The port of hosts that name none, as torchrun's.
    [<Literal>]
    let DefaultPort = 29500

    /// Set for the processes that `--nproc` starts: their command line is their parent's, and is not to be obeyed again.
    [<Literal>]
    let SpawnedKey = "EVO_SPAWNED"

    // Below the ports that systems give away by themselves, which begin at 32768.
    let private slurmPort job step =
        20000 + int ((job * 31L + step) % 10000L)

    /// Reads numbers, keeping every complaint.
    type private Reader(env: string -> string option, by: string) =
        let problems = List<string>()

        member _.Problems = List.ofSeq problems
        member _.Complain(text: string) = problems.Add text

        member _.Text key =
            match env key with
            | Some value when value <> "" -> value
            | _ ->
                problems.Add $"{key} is not set: {by} sets it beside the others"
                ""

        member reader.Number(key, low, high) =
            match reader.Text key with
            | "" -> low
            | text ->
                match Int32.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture) with
                | true, value when value >= low && value <= high -> value
                | _ ->
                    problems.Add $"{key} = {text}: it must be a whole number from {low} to {high}"
                    low

    let private joined (reader: Reader) (launch: Launch) =
        match reader.Problems with
        | [] -> Ok launch
        | problems -> Error problems

    let private memberOf (it: Membership) =
        if it.Size = 1 then Launch.Alone else Launch.Member it

    let private byVariables env by =
        let reader = Reader(env, by)
        let size = reader.Number("WORLD_SIZE", 1, 1_000_000)

        let agent =
            env "TORCHELASTIC_USE_AGENT_STORE"
            |> Option.exists (fun v -> v.ToLowerInvariant() = "true")

        let rank = reader.Number("RANK", 0, size - 1)

        let launch =
            memberOf
                {
                    Rank = rank
                    Size = size
                    LocalRank = reader.Number("LOCAL_RANK", 0, size - 1)
                    Host = if size = 1 then "" else reader.Text "MASTER_ADDR"
                    Port =
                        if size = 1 then
                            0
                        else
                            reader.Number("MASTER_PORT", 1, 65535)
                    FirstRankServes = not agent
                    By = by
                }

        joined reader launch

    let private bySlurm env =
        let reader = Reader(env, "Slurm")

        let tasks =
            if Option.isSome (env "SLURM_STEP_NUM_TASKS") then
                "SLURM_STEP_NUM_TASKS"
            else
                "SLURM_NTASKS"

        let size = reader.Number(tasks, 1, 1_000_000)

        if size = 1 then
            joined reader Launch.Alone
        else
            let rank = reader.Number("SLURM_PROCID", 0, size - 1)

            let nodes =
                if Option.isSome (env "SLURM_STEP_NODELIST") then
                    "SLURM_STEP_NODELIST"
                else
                    "SLURM_JOB_NODELIST"

            let host =
                match env "MASTER_ADDR" with
                | Some host when host <> "" -> host
                | _ ->
                    let list = reader.Text nodes

                    match HostList.first list with
                    | Some host -> host
                    | None ->
                        if list <> "" then
                            reader.Complain
                                $"{nodes} = {list}: it must be a list of hosts such as node[01-03],other"

                        ""

            let port =
                match env "MASTER_PORT" with
                | Some _ -> reader.Number("MASTER_PORT", 1, 65535)
                | None ->
                    let number key =
                        match env key |> Option.map Int64.TryParse with
                        | Some(true, value) when value >= 0L && value < 4_000_000_000L -> value
                        | _ -> 0L

                    slurmPort (number "SLURM_JOB_ID") (number "SLURM_STEP_ID")

            memberOf
                {
                    Rank = rank
                    Size = size
                    LocalRank = reader.Number("SLURM_LOCALID", 0, size - 1)
                    Host = host
                    Port = port
                    FirstRankServes = true
                    By = "Slurm"
                }
            |> joined reader

    let private byFlags (flags: LaunchFlags) =
        let nnodes = defaultArg flags.Nnodes 1
        let nproc = defaultArg flags.Nproc 1
        let nodeRank = defaultArg flags.NodeRank 0

        let problems =
            [
                if nproc < 1 || nproc > 1024 then
                    $"--nproc {nproc}: it must be from 1 to 1024, the processes on this host"
                if nnodes < 1 then
                    $"--nnodes {nnodes}: it must be at least 1, the hosts of the run"
                elif nnodes = 1 then
                    if nodeRank <> 0 then
                        $"--node-rank {nodeRank}: there is one host; give --nnodes, too"
                else
                    if flags.NodeRank.IsNone then
                        $"--nnodes {nnodes} needs --node-rank, this host's place from 0 to {nnodes - 1}"
                    elif nodeRank < 0 || nodeRank >= nnodes then
                        $"--node-rank {nodeRank}: it must be from 0 to {nnodes - 1}"

                    if flags.MasterAddr.IsNone then
                        $"--nnodes {nnodes} needs --master-addr, an address of host 0 that all hosts reach"
                match flags.MasterPort with
                | Some port when port < 1 || port > 65535 ->
                    $"--master-port {port}: it must be from 1 to 65535"
                | _ -> ()
            ]

        match problems with
        | [] when nproc * nnodes = 1 -> Ok Launch.Alone
        | [] ->
            Ok(
                Launch.Spawn
                    {
                        Count = nproc
                        FirstRank = nodeRank * nproc
                        Size = nnodes * nproc
                        Host = defaultArg flags.MasterAddr "127.0.0.1"
                        Port =
                            match flags.MasterPort with
                            | None when nnodes > 1 -> Some DefaultPort
                            | port -> port
                        Serves = nodeRank = 0
                    }
            )
        | problems -> Error problems

    /// Which launch this is, from the environment and the command line. Every problem is told.
    let decide (env: IReadOnlyDictionary<string, string>) (flags: LaunchFlags) : Result<Launch, string list> =
        let find key =
            match env.TryGetValue key with
            | true, value -> Some value
            | _ -> None

        let has key = Option.isSome (find key)
        let said = flags <> LaunchFlags.None

        if has SpawnedKey then
            byVariables find "evo --nproc"
        elif has "RANK" && has "WORLD_SIZE" then
            if said then
                Error
                    [
                        "RANK and WORLD_SIZE are set, as torchrun does, and the command line says --nproc or --nnodes: use one of them"
                    ]
            else
                byVariables find "torchrun"
        elif said then
            byFlags flags
        // Without a step this is the script of a batch job, not one of its tasks.
        elif has "SLURM_PROCID" && has "SLURM_STEP_ID" then
            bySlurm find
        else
            Ok Launch.Alone
