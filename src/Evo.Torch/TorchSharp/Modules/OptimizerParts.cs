// What an optimizer keeps for each group (options) and for each parameter (state).

using static TorchSharp.torch;

namespace TorchSharp.Modules;

/// <summary>The options of a group of parameters.</summary>
public class OptimizerOptions
{
    /// <summary>The rate of the next step; null takes the optimizer's.</summary>
    public double? LearningRate { get; set; }

    /// <summary>The rate at the start.</summary>
    public double InitialLearningRate { get; set; }

    /// <summary>Writes the options.</summary>
    public virtual void SaveStateDict(BinaryWriter writer)
    {
        writer.Write(InitialLearningRate);
        writer.Write(LearningRate ?? InitialLearningRate);
    }

    /// <summary>Reads what <see cref="SaveStateDict"/> wrote.</summary>
    public virtual void LoadStateDict(BinaryReader reader)
    {
        InitialLearningRate = reader.ReadDouble();
        LearningRate = reader.ReadDouble();
    }

    /// <summary>Takes the values of other options of the same class.</summary>
    public virtual void LoadStateDict(OptimizerOptions source) => (InitialLearningRate, LearningRate) = (source.InitialLearningRate, source.LearningRate);
}

/// <summary>What an optimizer remembers of one parameter.</summary>
public abstract class OptimizerState
{
    private protected readonly Parameter _parameter;

    /// <summary>Makes the state of a parameter.</summary>
    protected OptimizerState(Parameter parameter) => _parameter = parameter;

    /// <summary>Starts afresh.</summary>
    public abstract void Initialize(OptimizerOptions options);

    /// <summary>Writes the state.</summary>
    public abstract void SaveStateDict(BinaryWriter writer);

    /// <summary>Reads what <see cref="SaveStateDict"/> wrote.</summary>
    public abstract void LoadStateDict(BinaryReader reader);

    /// <summary>Takes copies of the values of another state of the same class.</summary>
    public abstract void LoadStateDict(OptimizerState source);

    /// <summary>Whether the values are close to those of another state.</summary>
    public virtual bool ApproximatelyEquals(OptimizerState other) => false;

    /// <summary>Moves the state to a device.</summary>
    public virtual void to(Device device) { }

    private protected static void Save(BinaryWriter writer, Tensor? tensor)
    {
        writer.Write(tensor is not null);
        tensor?.Save(writer);
    }

    private protected static void Load(BinaryReader reader, ref Tensor? tensor, Device device)
    {
        Free(ref tensor);
        if (!reader.ReadBoolean()) return;
        using var loaded = TensorExtensionMethods.Load(reader);
        tensor = Kept(loaded.to(device, copy: true));
    }

    private protected static Tensor Kept(Tensor tensor) => tensor.DetachFromDisposeScope();

    private protected static void Free(ref Tensor? tensor)
    {
        tensor?.Dispose();
        tensor = null;
    }

    private protected static void Move(ref Tensor? tensor, Device device)
    {
        if (tensor is not null) tensor = Kept(tensor.to(device, disposeAfter: true));
    }

    private protected static bool Close(Tensor? one, Tensor? other) =>
        one is null || other is null ? one is null && other is null : one.allclose(other);
}

/// <summary>Parameters that share options.</summary>
public class ParamGroup : optim.ILearningRateController
{
    /// <summary>The parameters.</summary>
    public IEnumerable<Parameter> Parameters { get; set; } = [];

    /// <summary>Their options; null takes the optimizer's.</summary>
    public OptimizerOptions? Options { get; set; }

    /// <summary>The rate of the next step.</summary>
    public double LearningRate
    {
        get => Options?.LearningRate ?? 0;
        set => (Options ??= new OptimizerOptions()).LearningRate = value;
    }

    /// <summary>The rate at the start.</summary>
    public double InitialLearningRate
    {
        get => Options?.InitialLearningRate ?? 0;
        set => (Options ??= new OptimizerOptions()).InitialLearningRate = value;
    }
}

/// <summary>Parameters that share options of a known class.</summary>
public class ParamGroup<TOptions> : ParamGroup where TOptions : OptimizerOptions
{
    /// <summary>An empty group.</summary>
    public ParamGroup() { }

    /// <summary>A group of parameters; options null takes the optimizer's.</summary>
    public ParamGroup(IEnumerable<Parameter> parameters, TOptions? options = null)
    {
        Parameters = parameters;
        base.Options = options;
    }

    /// <summary>Their options; null takes the optimizer's.</summary>
    public new TOptions? Options
    {
        get => (TOptions?)base.Options;
        set => base.Options = value;
    }
}
