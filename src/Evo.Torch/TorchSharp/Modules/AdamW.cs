// AdamW: Loshchilov and Hutter, "Decoupled Weight Decay Regularization", 2019.

using static TorchSharp.torch;

namespace TorchSharp.Modules;

/// <summary>Adam with weight decay apart from the gradient.</summary>
public class AdamW : OptimizerHelper, optim.IBetas
{
    private readonly Options _defaults;

    /// <summary>An optimizer of one group of parameters.</summary>
    /// <param name="parameters">What to train; each once.</param>
    /// <param name="lr">Learning rate.</param>
    /// <param name="beta1">Decay of the first moment.</param>
    /// <param name="beta2">Decay of the second moment.</param>
    /// <param name="eps">Added to the root of the second moment.</param>
    /// <param name="weight_decay">Decay of the weights themselves, times the learning rate.</param>
    /// <param name="amsgrad">Divide by the largest second moment so far.</param>
    /// <param name="maximize">Go up the gradient.</param>
    /// <exception cref="ArgumentException">A number is outside its range.</exception>
    public AdamW(IEnumerable<Parameter> parameters, double lr = 0.001, double beta1 = 0.9, double beta2 = 0.999, double eps = 1e-08, double weight_decay = 0, bool amsgrad = false, bool maximize = false)
        : this([new ParamGroup { Parameters = parameters }], lr, beta1, beta2, eps, weight_decay, amsgrad, maximize) { }

    /// <summary>An optimizer of several groups; what a group's options leave null is taken from here.</summary>
    /// <exception cref="ArgumentException">A number is outside its range.</exception>
    public AdamW(IEnumerable<ParamGroup> parameters, double lr = 0.001, double beta1 = 0.9, double beta2 = 0.999, double eps = 1e-08, double weight_decay = 0, bool amsgrad = false, bool maximize = false)
    {
        AdamStep.Require(lr, beta1, beta2, eps, weight_decay);
        _defaults = new Options { LearningRate = lr, InitialLearningRate = lr, beta1 = beta1, beta2 = beta2, eps = eps, weight_decay = weight_decay, amsgrad = amsgrad, maximize = maximize };
        foreach (var group in parameters) add_param_group(group);
    }

    /// <summary>The default decay rates of the two moments.</summary>
    public (double, double) Betas
    {
        get => (_defaults.beta1!.Value, _defaults.beta2!.Value);
        set => (_defaults.beta1, _defaults.beta2) = value;
    }

    /// <summary>Adds a group; what its options leave null is the optimizer's.</summary>
    public override void add_param_group(Modules.ParamGroup param_group)
    {
        var options = (Options)(param_group.Options ??= new Options());
        options.LearningRate ??= _defaults.LearningRate;
        options.beta1 ??= _defaults.beta1;
        options.beta2 ??= _defaults.beta2;
        options.eps ??= _defaults.eps;
        options.weight_decay ??= _defaults.weight_decay;
        options.amsgrad ??= _defaults.amsgrad;
        options.maximize ??= _defaults.maximize;
        Add(param_group, parameter => new State(parameter));
    }

    /// <summary>One step of every parameter that has a gradient.</summary>
    public override Tensor? step(Func<Tensor>? closure = null) => _step<Modules.ParamGroup>(group =>
    {
        var o = (Options)group.Options!;
        foreach (var parameter in group.Parameters)
        {
            if (parameter.grad is not { } gradient) continue;
            if (o.maximize!.Value) gradient = gradient.neg();
            parameter.mul_(1 - o.LearningRate!.Value * o.weight_decay!.Value);
            var state = (State)_state[parameter];
            AdamStep.Take(parameter, gradient, state.exp_avg, state.exp_avg_sq, state.max_exp_avg_sq, ++state.step, o.LearningRate!.Value, o.beta1!.Value, o.beta2!.Value, o.eps!.Value);
        }
    }, closure);

    /// <summary>Frees the states.</summary>
    protected override void Dispose(bool disposing) => base.Dispose(disposing);

    /// <summary>The options of a group; null takes the optimizer's.</summary>
    public class Options : OptimizerOptions
    {
        /// <summary>Decay of the first moment.</summary>
        public double? beta1;

        /// <summary>Decay of the second moment.</summary>
        public double? beta2;

        /// <summary>Decay of the weights.</summary>
        public double? weight_decay;

        /// <summary>Added to the root of the second moment.</summary>
        public double? eps;

        /// <summary>Divide by the largest second moment so far.</summary>
        public bool? amsgrad;

        /// <summary>Go up the gradient.</summary>
        public bool? maximize;

        /// <summary>Reads what <see cref="SaveStateDict"/> wrote.</summary>
        public override void LoadStateDict(BinaryReader reader)
        {
            base.LoadStateDict(reader);
            (beta1, beta2, eps, weight_decay) = (reader.ReadDouble(), reader.ReadDouble(), reader.ReadDouble(), reader.ReadDouble());
            (amsgrad, maximize) = (reader.ReadBoolean(), reader.ReadBoolean());
        }

        /// <summary>Takes the values of other options.</summary>
        public override void LoadStateDict(OptimizerOptions source)
        {
            base.LoadStateDict(source);
            var from = (Options)source;
            (beta1, beta2, eps, weight_decay, amsgrad, maximize) = (from.beta1, from.beta2, from.eps, from.weight_decay, from.amsgrad, from.maximize);
        }

        /// <summary>Writes the options.</summary>
        public override void SaveStateDict(BinaryWriter writer)
        {
            base.SaveStateDict(writer);
            foreach (var number in (double[])[beta1!.Value, beta2!.Value, eps!.Value, weight_decay!.Value]) writer.Write(number);
            writer.Write(amsgrad!.Value);
            writer.Write(maximize!.Value);
        }
    }

    /// <summary>Parameters with options of their own.</summary>
    public class ParamGroup : ParamGroup<Options>, optim.IBetas
    {
        /// <summary>An empty group with the optimizer's options.</summary>
        public ParamGroup() { }

        /// <summary>Parameters with the given options.</summary>
        public ParamGroup(IEnumerable<Parameter> parameters, Options options) : base(parameters, options) { }

        /// <summary>Parameters with the given options.</summary>
        public ParamGroup(IEnumerable<Parameter> parameters, double lr = 0.001, double beta1 = 0.9, double beta2 = 0.999, double eps = 1e-08, double weight_decay = 0, bool amsgrad = false, bool maximize = false)
            : base(parameters, new Options { LearningRate = lr, beta1 = beta1, beta2 = beta2, eps = eps, weight_decay = weight_decay, amsgrad = amsgrad, maximize = maximize }) { }

        /// <summary>The decay rates of the two moments.</summary>
        public (double, double) Betas
        {
            get => (Options?.beta1 ?? 0, Options?.beta2 ?? 0);
            set => ((Options ??= new Options()).beta1, Options.beta2) = value;
        }
    }

    /// <summary>The two moments of a parameter.</summary>
    public sealed class State : OptimizerState, IDisposable
    {
        /// <summary>How many steps were taken.</summary>
        public long step;

        /// <summary>The running mean of gradients.</summary>
        public Tensor exp_avg = null!;

        /// <summary>The running mean of squared gradients.</summary>
        public Tensor exp_avg_sq = null!;

        /// <summary>With amsgrad, the largest running mean of squared gradients; else null.</summary>
        public Tensor? max_exp_avg_sq;

        /// <summary>The state of a parameter; <see cref="Initialize"/> makes the moments.</summary>
        public State(Parameter parameter) : base(parameter) { }

        /// <summary>Step and moments to zero.</summary>
        public override void Initialize(OptimizerOptions options)
        {
            Dispose();
            step = 0;
            exp_avg = Kept(zeros_like(_parameter));
            exp_avg_sq = Kept(zeros_like(_parameter));
            if (((Options)options).amsgrad == true) max_exp_avg_sq = Kept(zeros_like(_parameter));
        }

        /// <summary>Frees the moments.</summary>
        public void Dispose()
        {
            exp_avg?.Dispose();
            exp_avg_sq?.Dispose();
            Free(ref max_exp_avg_sq);
        }

        /// <summary>Moves the moments to a device.</summary>
        public override void to(Device device)
        {
            exp_avg = Kept(exp_avg.to(device, disposeAfter: true));
            exp_avg_sq = Kept(exp_avg_sq.to(device, disposeAfter: true));
            Move(ref max_exp_avg_sq, device);
        }

        /// <summary>Reads what <see cref="SaveStateDict"/> wrote.</summary>
        public override void LoadStateDict(BinaryReader reader)
        {
            step = reader.ReadInt64();
            exp_avg.Load(reader);
            exp_avg_sq.Load(reader);
            Load(reader, ref max_exp_avg_sq, _parameter.device);
        }

        /// <summary>Takes copies of another state's values.</summary>
        public override void LoadStateDict(OptimizerState source)
        {
            var from = (State)source;
            Dispose();
            step = from.step;
            exp_avg = Kept(from.exp_avg.to(_parameter.device, copy: true));
            exp_avg_sq = Kept(from.exp_avg_sq.to(_parameter.device, copy: true));
            max_exp_avg_sq = from.max_exp_avg_sq is null ? null : Kept(from.max_exp_avg_sq.to(_parameter.device, copy: true));
        }

        /// <summary>Writes step and moments.</summary>
        public override void SaveStateDict(BinaryWriter writer)
        {
            writer.Write(step);
            exp_avg.Save(writer);
            exp_avg_sq.Save(writer);
            Save(writer, max_exp_avg_sq);
        }

        /// <summary>Whether steps are equal and moments close.</summary>
        public override bool ApproximatelyEquals(OptimizerState other) =>
            other is State state && step == state.step && Close(exp_avg, state.exp_avg) && Close(exp_avg_sq, state.exp_avg_sq) && Close(max_exp_avg_sq, state.max_exp_avg_sq);
    }
}
