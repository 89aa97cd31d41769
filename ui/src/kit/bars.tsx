// Bars over time: successes below, failures on top. The text beside them says the same.

interface Bucket {
    succeeded: number;
    failed: number;
}

const STEP = 8;

export function Bars({ buckets, label, height = 24 }: { buckets: Bucket[]; label: string; height?: number }) {
    const most = Math.max(1, ...buckets.map((it) => it.succeeded + it.failed));
    const tall = (n: number) => (n === 0 ? 0 : Math.max(2, (n / most) * (height - 2)));
    return (
        <svg className="bars" viewBox={`0 0 ${buckets.length * STEP} ${height}`} preserveAspectRatio="none" role="img" aria-label={label}>
            <rect className="ground" x={0} y={height - 1} width={buckets.length * STEP} height={1} />
            {buckets.map(({ succeeded, failed }, i) => {
                const good = tall(succeeded);
                const bad = tall(failed);
                return (
                    <g key={i}>
                        {good > 0 && <rect className="good" x={i * STEP + 1} y={height - 1 - good} width={STEP - 2} height={good} />}
                        {bad > 0 && <rect className="bad" x={i * STEP + 1} y={height - 1 - good - bad} width={STEP - 2} height={bad} />}
                    </g>
                );
            })}
        </svg>
    );
}
