namespace Evo.Core

/// Something that stands against a layout: the key that says it, what it says, the rule, and what would be right.
type LayoutProblem =
    {
        /// The key's path, such as `parallel.tensor.size`; `world` for the number of ranks.
        Path: string
        /// The value, as the configuration writes it.
        Found: string
        Rule: string
        /// What would be right; empty where the rule says it all.
        Hint: string
    }

    /// One line: `parallel.zero1.size = 3: does not divide the 4 data-parallel ranks; use 1, 2, 4 or -1`.
    override problem.ToString() =
        let hint = if problem.Hint = "" then "" else "; " + problem.Hint
        $"{problem.Path} = {problem.Found}: {problem.Rule}{hint}"

/// What sizes of a mesh obey, whatever the model is: each divides what it is a part of.
module DegreeRules =

    /// All numbers that divide one, in order.
    let divisors (number: int) : int list =
        [
            for n in 1..number do
                if number % n = 0 then
                    n
        ]

    let rec internal gcd a b = if b = 0 then a else gcd b (a % b)

    /// `1, 2 or 4`.
    let internal spoken (numbers: int list) =
        match List.rev (List.map string numbers) with
        | [] -> ""
        | [ only ] -> only
        | last :: others -> System.String.Join(", ", List.rev others) + " or " + last

    let internal problem path (found: 'a) rule hint =
        {
            Path = path
            Found = string (box found)
            Rule = rule
            Hint = hint
        }

    let private atLeastOne (degrees: Degrees) =
        [
            for path, size in
                [
                    "world", degrees.World
                    "parallel.tensor.size", degrees.Tensor
                    "parallel.weight.size", degrees.Weight
                    "parallel.pipeline.size", degrees.Pipeline
                    "parallel.expert.size", degrees.Expert
                ] do
                if size < 1 then
                    problem path size "must be at least 1" ""
            for path, size in [ "parallel.zero1.size", degrees.Zero; "parallel.fsdp.size", degrees.Fsdp ] do
                if size < 1 && size <> -1 then
                    problem path size "must be at least 1, or -1 for all data-parallel ranks" ""
        ]

    let private stage (degrees: Degrees) =
        let ranks = degrees.StageSize
        let fits = divisors ranks

        let inStage path size =
            problem path size $"does not divide the {ranks} ranks of a stage" $"use {spoken fits}"

        [
            if ranks % degrees.Tensor <> 0 then
                inStage "parallel.tensor.size" degrees.Tensor
            if degrees.Mode = TensorMode.Isp && ranks % degrees.Weight <> 0 then
                inStage "parallel.weight.size" degrees.Weight
            if
                ranks % (degrees.ExpertTensor * degrees.Expert) <> 0
                && ranks % degrees.ExpertTensor = 0
            then
                let places = ranks / degrees.ExpertTensor

                let each =
                    if degrees.ExpertTensor = 1 then
                        ""
                    else
                        $", each expert on {degrees.ExpertTensor}"

                problem
                    "parallel.expert.size"
                    degrees.Expert
                    $"experts do not deal out evenly over the {ranks} ranks of a stage{each}"
                    $"use {spoken (divisors places)}"
        ]

    let private shares (degrees: Degrees) =
        let isp = degrees.Mode = TensorMode.Isp
        let same = degrees.Size degrees.ZeroAxis

        let who =
            if isp then
                $"{same} ranks that hold the same weights (weight-data)"
            else
                $"{same} data-parallel ranks"

        [
            if degrees.Fsdp = 1 && degrees.Zero > 1 && same % degrees.Zero <> 0 then
                problem
                    "parallel.zero1.size"
                    degrees.Zero
                    $"does not divide the {who}"
                    $"use {spoken (divisors same @ [ -1 ])}"
            if degrees.Fsdp > 1 && not isp && degrees.Data % degrees.Fsdp <> 0 then
                problem
                    "parallel.fsdp.size"
                    degrees.Fsdp
                    $"does not divide the {degrees.Data} data-parallel ranks"
                    $"use {spoken (divisors degrees.Data @ [ -1 ])}"
        ]

    /// What can be said without the number of ranks.
    let internal known (degrees: Degrees) : LayoutProblem list =
        [
            yield! atLeastOne degrees

            if degrees.Weight > 1 && degrees.Mode <> TensorMode.Isp then
                let mode = degrees.Mode.ToString().ToLowerInvariant()

                problem
                    "parallel.weight.size"
                    degrees.Weight
                    $"needs parallel.tensor.mode \"isp\"; in mode {mode} every rank holds its own weights"
                    "set the mode, or use 1"
            if degrees.Fsdp > 1 || degrees.Fsdp = -1 then
                if degrees.Pipeline > 1 then
                    problem
                        "parallel.fsdp.size"
                        degrees.Fsdp
                        $"parameters are not shared within the {degrees.Pipeline} stages of a pipeline"
                        "set parallel.fsdp.enable to false, or parallel.pipeline.size to 1"

                if degrees.Mode = TensorMode.Isp then
                    problem
                        "parallel.fsdp.size"
                        degrees.Fsdp
                        "mode isp shares parameters already, over parallel.weight.size ranks"
                        "set parallel.fsdp.enable to false, or another parallel.tensor.mode"

                if degrees.Zero > 1 then
                    problem
                        "parallel.zero1.size"
                        degrees.Zero
                        "the optimizer's state is shared already, with the parameters (parallel.fsdp)"
                        "use -1 or 1, or set parallel.fsdp.enable to false"
        ]

    /// Everything that stands against some degrees; none for a mesh that can be built.
    let problems (degrees: Degrees) : LayoutProblem list =
        known degrees
        @ [
            if (atLeastOne degrees).IsEmpty then
                if degrees.World % degrees.Pipeline <> 0 then
                    problem
                        "parallel.pipeline.size"
                        degrees.Pipeline
                        $"does not divide the world of {degrees.World} ranks"
                        $"use {spoken (divisors degrees.World)}"
                else
                    let split = stage degrees
                    yield! split

                    if split.IsEmpty then
                        yield! shares degrees
        ]
