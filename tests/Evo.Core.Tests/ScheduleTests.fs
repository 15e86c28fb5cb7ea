module Evo.Core.Tests.ScheduleTests

open System
open System.IO
open System.Text.Json
open FsCheck.FSharp
open Xunit
open Evo.Core
open Evo.Core.Tests.Properties

let private golden name =
    let path = Path.Combine(AppContext.BaseDirectory, "Golden", "lr_schedules.json")
    use file = JsonDocument.Parse(File.ReadAllText path)

    let entry =
        file.RootElement.GetProperty("schedules").EnumerateArray()
        |> Seq.find (fun entry -> entry.GetProperty("name").GetString() = name)

    [
        for value in entry.GetProperty("values").EnumerateArray() -> value.GetDouble()
    ]

let private compare (expected: float list) (at: int64 -> float) =
    for step, value in List.indexed expected do
        Assert.True(abs (at step - value) <= 1e-15, $"step {step}: {at step} where the original has {value}")

let private cosine init warmup =
    {
        Shape = Cosine
        Peak = 1e-3
        Floor = 1e-5
        InitialSteps = init
        WarmupSteps = warmup
        TotalSteps = 100L
    }

[<Fact>]
let ``warm-up and cosine are InternEvo's to the last digit`` () =
    compare (golden "internevo_cosine_annealing_warmup") (cosine 0L 10L).At
    compare (golden "internevo_finetune_cosine_annealing_warmup") (cosine 5L 10L).At
    compare (golden "internevo_finetune_cosine_annealing_warmup_init0") (cosine 0L 10L).At

[<Fact>]
let ``cosine without warm-up is PyTorch's`` () =
    compare (golden "torch_cosine_annealing") (cosine 0L 0L).At

[<Fact>]
let ``the linear shape is transformers' one step later, for its warm-up begins at zero`` () =
    let linear =
        { cosine 0L 10L with
            Shape = Linear
            Floor = 0.0
        }

    let expected = golden "hf_linear_with_warmup"

    // The rise: its step k + 1 is our step k. The fall is the same line, from step 10 on.
    for step in 0..9 do
        Assert.Equal(expected[step + 1], linear.At(int64 step), 1e-15)

    for step in 10..99 do
        Assert.Equal(expected[step], linear.At(int64 step), 1e-15)

[<Fact>]
let ``beta2 is InternEvo's`` () =
    // values[i] is beta2 at iteration i + 1.
    let beta2 =
        {
            Smallest = 0.95
            Exponent = 0.8
            First = 1L
        }

    compare (golden "internevo_beta2") beta2.At

[<Fact>]
let ``a rate is never negative, never above its peak, and ends at its floor`` () =
    let schedule =
        gen {
            let! shape = Gen.elements [ Cosine; Linear; Constant ]
            let! init = Gen.choose (0, 20)
            let! warmup = Gen.choose (0, 20)
            let! rest = Gen.choose (0, 60)

            return
                {
                    Shape = shape
                    Peak = 1e-3
                    Floor = 1e-5
                    InitialSteps = int64 init
                    WarmupSteps = int64 warmup
                    TotalSteps = int64 (init + warmup + rest)
                }
        }

    forAll schedule noShrink (fun rate ->
        let values = [ for step in 0L .. rate.TotalSteps + 5L -> rate.At step ]
        let last = if rate.Shape = Constant then rate.Peak else rate.Floor

        values |> List.forall (fun value -> value >= 0.0 && value <= rate.Peak)
        && abs (rate.At(rate.TotalSteps + 1000L) - last) < 1e-18)
