namespace Evo.Core

open System

/// The shape of the learning rate after its warm-up.
type LearningRateShape =
    /// Falls from the peak to the floor along half a cosine.
    | Cosine
    /// Falls from the peak to the floor in a straight line.
    | Linear
    /// Stays at the peak.
    | Constant

/// The learning rate of every step: zero for the initial steps, a straight rise to the peak, then its shape down to the
/// floor. InternEvo's schedule, with its rounding: the warm-up takes `int(total * warmup_ratio)` steps.
type LearningRate =
    {
        Shape: LearningRateShape
        /// The rate at the end of the warm-up.
        Peak: float
        /// The rate at the end of the schedule.
        Floor: float
        /// Steps at the start with a rate of zero.
        InitialSteps: int64
        /// Steps of the rise, after the initial ones.
        WarmupSteps: int64
        /// Steps of the whole schedule; the floor holds after them.
        TotalSteps: int64
    }

    /// The rate that optimizer step `step` uses; steps count from 0, successful ones only.
    member rate.At(step: int64) =
        let start = rate.InitialSteps + rate.WarmupSteps
        let span = rate.TotalSteps - start

        if step < rate.InitialSteps then
            0.0
        elif step < start then
            rate.Peak * float (step + 1L - rate.InitialSteps) / float rate.WarmupSteps
        else
            let past =
                if span <= 0L then
                    1.0
                else
                    min 1.0 (float (step - start) / float span)

            match rate.Shape with
            | Constant -> rate.Peak
            | Linear -> rate.Peak + (rate.Floor - rate.Peak) * past
            | Cosine -> rate.Floor + (rate.Peak - rate.Floor) * (1.0 + cos (Math.PI * past)) / 2.0

    /// The schedule of a run.
    static member Of(run: RunConfig) =
        let total = run.LrScheduler.TotalSteps.GetValueOrDefault run.Data.TotalSteps

        {
            Shape =
                match run.LrScheduler.Type with
                | "constant" -> Constant
                | "linear" -> Linear
                | _ -> Cosine
            Peak = run.Adam.Lr
            Floor = run.LrScheduler.EtaMin
            InitialSteps = run.LrScheduler.InitSteps
            WarmupSteps = int64 (float total * run.LrScheduler.WarmupRatio)
            TotalSteps = total
        }

/// Adam's beta2 of every step: max(beta2, 1 - t^-c), or constant where c is 0.
type Beta2 =
    {
        Smallest: float
        Exponent: float
        /// The iteration t of step 0.
        First: int64
    }

    /// The beta2 that optimizer step `step` uses; steps count from 0, successful ones only.
    member beta2.At(step: int64) =
        let t = beta2.First + step

        if beta2.Exponent <= 0.0 || t <= 0L then
            beta2.Smallest
        else
            max beta2.Smallest (1.0 - Math.Pow(float t, -beta2.Exponent))

    /// The schedule of a run.
    static member Of(run: RunConfig) =
        {
            Smallest = run.Beta2Scheduler.InitBeta2.GetValueOrDefault run.Adam.AdamBeta2
            Exponent = run.Beta2Scheduler.C.GetValueOrDefault run.Adam.AdamBeta2C
            First = run.Beta2Scheduler.CurIter + 1L
        }
