// A TorchSharp program: a classifier of points in the plane into three spiral arms, with two hidden layers.
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

public sealed class Mlp : Module<Tensor, Tensor>
{
    private readonly Linear input;
    private readonly Sequential hidden;
    private readonly LayerNorm norm;
    private readonly Linear output;

    public Mlp(long width, long classes) : base(nameof(Mlp))
    {
        input = Linear(2, width);
        hidden = Sequential(
            ("act", ReLU()),
            ("drop", Dropout(0.1)),
            ("fc", Linear(width, width)),
            ("gelu", GELU()));
        norm = LayerNorm(width);
        output = Linear(width, classes, hasBias: false);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        var h = hidden.call(input.call(x));
        return output.call(norm.call(h));
    }
}

public static class MlpClassifier
{
    public static (Tensor points, Tensor arms) Spirals(int count)
    {
        using var scope = NewDisposeScope();
        var t = rand(count) * 3 + 0.5;
        var arms = randint(0, 3, new long[] { count });
        var angle = t * 1.5 + arms.to(ScalarType.Float32) * (2 * Math.PI / 3) + randn(count) * 0.05;
        var points = stack(new[] { t * angle.cos(), t * angle.sin() }, 1);
        return (points.MoveToOuterDisposeScope(), arms.MoveToOuterDisposeScope());
    }

    public static float[] Train(int steps)
    {
        manual_seed(7);
        var (points, arms) = Spirals(192);
        using var model = new Mlp(32, 3);
        using var optimizer = optim.AdamW(model.parameters(), lr: 1e-2, weight_decay: 1e-3);
        var criterion = CrossEntropyLoss();
        var losses = new List<float>();
        model.train();
        for (var step = 0; step < steps; step++)
        {
            using var scope = NewDisposeScope();
            optimizer.zero_grad();
            var loss = criterion.call(model.call(points), arms);
            loss.backward();
            nn.utils.clip_grad_norm_(model.parameters(), 1.0);
            optimizer.step();
            losses.Add(loss.item<float>());
        }

        model.eval();
        using (no_grad())
        {
            var guess = model.call(points).argmax(1);
            var right = guess.eq(arms).to(ScalarType.Float32).mean().ToSingle();
            Console.WriteLine($"{model.named_parameters().Count()} parameters, {right:P0} right");
            var (best, where) = model.call(points).softmax(-1).max(1);
            losses.Add(right);
            _ = best[0..4];
            _ = where[TensorIndex.Slice(null, null, 2)];
        }

        points.Dispose();
        arms.Dispose();
        return losses.ToArray();
    }
}
