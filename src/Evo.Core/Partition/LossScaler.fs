namespace Evo.Core

/// The rules of a dynamic loss scale (`grad_scaler`).
type LossScaleRules =
    {
        InitialScale: float
        MinScale: float
        MaxScale: float
        GrowthFactor: float
        BackoffFactor: float
        /// Steps without an overflow after which the scale grows.
        GrowthInterval: int64
        /// Overflows that it takes before the scale falls for the first time since it last grew.
        Hysteresis: int64
    }

    /// InternEvo's: begins at 65536, doubles after 1000 good steps, halves at the second overflow.
    static member Default =
        {
            InitialScale = 65536.0
            MinScale = 1.0
            MaxScale = 16777216.0
            GrowthFactor = 2.0
            BackoffFactor = 0.5
            GrowthInterval = 1000L
            Hysteresis = 2L
        }

/// The factor on the loss that keeps float16 gradients from vanishing: it grows after many good steps and falls when a
/// gradient overflows. The counter of overflows begins anew only when the scale grows, so that after a first fall every
/// further overflow lowers it.
type LossScaler =
    {
        Rules: LossScaleRules
        Scale: float
        /// Good steps since the last overflow or growth.
        GoodSteps: int64
        /// Overflows since the last growth.
        Overflows: int64
    }

    /// The state before the first step.
    static member Start(rules: LossScaleRules) =
        {
            Rules = rules
            Scale = rules.InitialScale
            GoodSteps = 0L
            Overflows = 0L
        }

    /// After a step whose gradient was infinite or not a number.
    member scaler.AfterOverflow() =
        let overflows = scaler.Overflows + 1L
        let rules = scaler.Rules

        { scaler with
            Scale =
                if overflows >= rules.Hysteresis then
                    max rules.MinScale (scaler.Scale * rules.BackoffFactor)
                else
                    scaler.Scale
            GoodSteps = 0L
            Overflows = overflows
        }

    /// After a step that updated the weights.
    member scaler.AfterUpdate() =
        let good = scaler.GoodSteps + 1L
        let rules = scaler.Rules

        if good >= rules.GrowthInterval then
            { scaler with
                Scale = min rules.MaxScale (scaler.Scale * rules.GrowthFactor)
                GoodSteps = 0L
                Overflows = 0L
            }
        else
            { scaler with GoodSteps = good }
