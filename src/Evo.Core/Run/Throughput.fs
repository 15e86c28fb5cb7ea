namespace Evo.Core

/// Tokens per GPU (here: per rank) and second, in InternEvo's seven readings. A value that is folded over the steps.
type Throughput =
    {
        /// Steps so far.
        Steps: int64
        /// Tokens and seconds of the latest steps, the newest first; at most 50.
        Recent: (float * float) list
        /// Sum over the steps of tokens / seconds.
        SumOfRates: float
        /// Tokens so far.
        Tokens: float
        /// Tokens of this step / its seconds.
        LastTgs1: float
        /// All tokens / all wall-clock seconds since the run began, saving and validation included.
        TgsAll: float
        /// Mean of `LastTgs1` over all steps.
        TgsAvg: float
        /// Tokens / seconds over the latest 50 steps.
        TgsSma: float
        /// Tokens / seconds over 10 steps, refreshed every 10 steps.
        LastTgs10: float
        /// Tokens / seconds over 50 steps, refreshed every 50 steps.
        LastTgs50: float
        /// `LastTgs1` counting only tokens that have a label.
        RealTgs: float
    }

    /// Before the first step.
    static member Zero =
        {
            Steps = 0L
            Recent = []
            SumOfRates = 0.0
            Tokens = 0.0
            LastTgs1 = 0.0
            TgsAll = 0.0
            TgsAvg = 0.0
            TgsSma = 0.0
            LastTgs10 = 0.0
            LastTgs50 = 0.0
            RealTgs = 0.0
        }

    /// After one more step: `tokens` counts every position of the rank's rows, padding and ignored labels included;
    /// `realTokens` those with a label; `seconds` is the step's time; `wall` the seconds since the run began.
    member before.Next(tokens: int64, realTokens: int64, seconds: float, wall: float) =
        let rate (tokens, seconds) =
            if seconds > 0.0 then tokens / seconds else 0.0

        let over count (steps: (float * float) list) =
            let latest = List.truncate count steps
            rate (List.sumBy fst latest, List.sumBy snd latest)

        let recent = (float tokens, seconds) :: before.Recent |> List.truncate 50
        let steps = before.Steps + 1L
        let last = rate (float tokens, seconds)
        let sum = before.SumOfRates + last
        let all = before.Tokens + float tokens

        {
            Steps = steps
            Recent = recent
            SumOfRates = sum
            Tokens = all
            LastTgs1 = last
            TgsAll = rate (all, wall)
            TgsAvg = sum / float steps
            TgsSma = over 50 recent
            LastTgs10 =
                if steps % 10L = 0L then
                    over 10 recent
                else
                    before.LastTgs10
            LastTgs50 =
                if steps % 50L = 0L then
                    over 50 recent
                else
                    before.LastTgs50
            RealTgs = rate (float realTokens, seconds)
        }

/// Floating-point operations of one training step in the convention that Megatron and InternEvo report: full attention
/// squares, all heads counted as if each had its own keys and values, and the second forward of recomputation counted.
type MegatronFlops =
    {
        Layers: int64
        Hidden: int64
        Vocab: int64
        /// Width of the feed-forward part / hidden size.
        MlpRatio: float
        /// Whether activations are recomputed, in any layer.
        Recompute: bool
    }

    /// Operations of one step over `sequences` sequences of `length` tokens.
    member model.Step(sequences: int64, length: int64) =
        let factor = if model.Recompute then 4.0 else 3.0
        // A gated feed-forward has three matrices where a plain one has two.
        let mlp = model.MlpRatio * 3.0 / 2.0
        let b, s, h = float sequences, float length, float model.Hidden
        let layer = (8.0 + 4.0 * mlp) * b * s * h * h + 4.0 * b * s * s * h
        factor * layer * float model.Layers + 6.0 * b * s * h * float model.Vocab
