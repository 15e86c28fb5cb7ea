// SGD: gradient descent with momentum.

using static TorchSharp.torch;

namespace TorchSharp.Modules;

/// <summary>Steps along the gradient, or along a running direction of gradients (momentum).</summary>
public class SGD : OptimizerHelper, optim.IMomentum
{
    private readonly Options _defaults;

    /// <summary>An optimizer of one group of parameters.</summary>
    /// <param name="parameters">What to train; each once.</param>
    /// <param name="lr">Learning rate.</param>
    /// <param name="momentum">The share of the old direction that stays.</param>
    /// <param name="dampening">The share of the gradient that is left out of the direction.</param>
    /// <param name="weight_decay">Times the weight, added to the gradient.</param>
    /// <param name="nesterov">Look ahead along the direction.</param>
    /// <param name="maximize">Go up the gradient.</param>
    /// <exception cref="ArgumentException">A number is outside its range.</exception>
    public SGD(IEnumerable<Parameter> parameters, double lr, double momentum = 0.0, double dampening = 0, double weight_decay = 0, bool nesterov = false, bool maximize = false)
        : this([new ParamGroup { Parameters = parameters }], lr, momentum, dampening, weight_decay, nesterov, maximize) { }

    /// <summary>An optimizer of several groups; what a group's options leave null is taken from here.</summary>
    /// <exception cref="ArgumentException">A number is outside its range.</exception>
    public SGD(IEnumerable<ParamGroup> parameters, double lr, double momentum = 0.0, double dampening = 0, double weight_decay = 0, bool nesterov = false, bool maximize = false)
    {
        if (!(lr >= 0)) throw new ArgumentException($"Invalid learning rate: {lr}");
        if (!(momentum >= 0)) throw new ArgumentException($"Invalid momentum value: {momentum}");
        if (!(weight_decay >= 0)) throw new ArgumentException($"Invalid weight_decay value: {weight_decay}");
        if (nesterov && (momentum <= 0 || dampening != 0)) throw new ArgumentException("Nesterov momentum requires a momentum and zero dampening");
        _defaults = new Options { LearningRate = lr, InitialLearningRate = lr, momentum = momentum, dampening = dampening, weight_decay = weight_decay, nesterov = nesterov, maximize = maximize };
        foreach (var group in parameters) add_param_group(group);
    }

    /// <summary>The default momentum.</summary>
    public double Momentum
    {
        get => _defaults.momentum!.Value;
        set => _defaults.momentum = value;
    }

    /// <summary>Adds a group; what its options leave null is the optimizer's.</summary>
    public override void add_param_group(Modules.ParamGroup param_group)
    {
        var options = (Options)(param_group.Options ??= new Options());
        options.LearningRate ??= _defaults.LearningRate;
        options.momentum ??= _defaults.momentum;
        options.dampening ??= _defaults.dampening;
        options.weight_decay ??= _defaults.weight_decay;
        options.nesterov ??= _defaults.nesterov;
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
            if (o.weight_decay!.Value != 0) gradient = gradient.add(parameter, o.weight_decay.Value);
            if (o.momentum!.Value != 0)
            {
                var direction = ((State)_state[parameter]).Turn(gradient, o.momentum.Value, 1 - o.dampening!.Value);
                gradient = o.nesterov!.Value ? gradient.add(direction, o.momentum.Value) : direction;
            }
            parameter.add_(gradient, -o.LearningRate!.Value);
        }
    }, closure);

    /// <summary>Frees the states.</summary>
    protected override void Dispose(bool disposing) => base.Dispose(disposing);

    /// <summary>The options of a group; null takes the optimizer's.</summary>
    public class Options : OptimizerOptions
    {
        /// <summary>The share of the old direction that stays.</summary>
        public double? momentum;

        /// <summary>The share of the gradient that is left out of the direction.</summary>
        public double? dampening;

        /// <summary>Times the weight, added to the gradient.</summary>
        public double? weight_decay;

        /// <summary>Look ahead along the direction.</summary>
        public bool? nesterov;

        /// <summary>Go up the gradient.</summary>
        public bool? maximize;

        /// <summary>Reads what <see cref="SaveStateDict"/> wrote.</summary>
        public override void LoadStateDict(BinaryReader reader)
        {
            base.LoadStateDict(reader);
            (momentum, dampening, weight_decay) = (reader.ReadDouble(), reader.ReadDouble(), reader.ReadDouble());
            (nesterov, maximize) = (reader.ReadBoolean(), reader.ReadBoolean());
        }

        /// <summary>Takes the values of other options.</summary>
        public override void LoadStateDict(OptimizerOptions source)
        {
            base.LoadStateDict(source);
            var from = (Options)source;
            (momentum, dampening, weight_decay, nesterov, maximize) = (from.momentum, from.dampening, from.weight_decay, from.nesterov, from.maximize);
        }

        /// <summary>Writes the options.</summary>
        public override void SaveStateDict(BinaryWriter writer)
        {
            base.SaveStateDict(writer);
            foreach (var number in (double[])[momentum!.Value, dampening!.Value, weight_decay!.Value]) writer.Write(number);
            writer.Write(nesterov!.Value);
            writer.Write(maximize!.Value);
        }
    }

    /// <summary>Parameters with options of their own.</summary>
    public class ParamGroup : ParamGroup<Options>, optim.IMomentum
    {
        /// <summary>An empty group with the optimizer's options.</summary>
        public ParamGroup() { }

        /// <summary>Parameters with the given options.</summary>
        public ParamGroup(IEnumerable<Parameter> parameters, Options options) : base(parameters, options) { }

        /// <summary>Parameters with the given options.</summary>
        public ParamGroup(IEnumerable<Parameter> parameters, double lr = 1e-3, double momentum = 0.0, double dampening = 0, double weight_decay = 0, bool nesterov = false, bool maximize = false)
            : base(parameters, new Options { LearningRate = lr, momentum = momentum, dampening = dampening, weight_decay = weight_decay, nesterov = nesterov, maximize = maximize }) { }

        /// <summary>The share of the old direction that stays.</summary>
        public double Momentum
        {
            get => Options?.momentum ?? 0;
            set => (Options ??= new Options()).momentum = value;
        }
    }

    /// <summary>The running direction of a parameter.</summary>
    public sealed class State : OptimizerState, IDisposable
    {
        /// <summary>The running direction, or null before the first step.</summary>
        public Tensor? momentum_buffer;

        /// <summary>The state of a parameter.</summary>
        public State(Parameter parameter) : base(parameter) { }

        internal Tensor Turn(Tensor gradient, double momentum, double share) =>
            momentum_buffer is null
                ? momentum_buffer = Kept(gradient.clone().detach_())
                : momentum_buffer.mul_(momentum).add_(gradient, share);

        /// <summary>Forgets the direction.</summary>
        public override void Initialize(OptimizerOptions options) => Dispose();

        /// <summary>Frees the direction.</summary>
        public void Dispose() => Free(ref momentum_buffer);

        /// <summary>Moves the direction to a device.</summary>
        public override void to(Device device) => Move(ref momentum_buffer, device);

        /// <summary>Reads what <see cref="SaveStateDict"/> wrote.</summary>
        public override void LoadStateDict(BinaryReader reader) => Load(reader, ref momentum_buffer, _parameter.device);

        /// <summary>Takes a copy of another state's direction.</summary>
        public override void LoadStateDict(OptimizerState source)
        {
            Dispose();
            if (((State)source).momentum_buffer is { } other) momentum_buffer = Kept(other.to(_parameter.device, copy: true));
        }

        /// <summary>Writes the direction.</summary>
        public override void SaveStateDict(BinaryWriter writer) => Save(writer, momentum_buffer);

        /// <summary>Whether the directions are close.</summary>
        public override bool ApproximatelyEquals(OptimizerState other) => other is State state && Close(momentum_buffer, state.momentum_buffer);
    }
}
