<?php
// Behaviours of Symfony's validator: a line of JSON for each, [what, whether it was so].
require_once 'Symfony/Component/Validator/autoload.php';
require_once 'Symfony/Component/HttpClient/autoload.php';

use Symfony\Component\HttpClient\HttpClient;
use Symfony\Component\Validator\Constraints\NotCompromisedPassword;
use Symfony\Component\Validator\Constraints\NotCompromisedPasswordValidator;
use Symfony\Component\Validator\ConstraintValidatorFactory;
use Symfony\Component\Validator\Validation;

$endpoint = getenv('BASE') . '/range/%s';
$ours = new NotCompromisedPasswordValidator(HttpClient::create(), 'UTF-8', true, $endpoint);
$factory = new class($ours) extends ConstraintValidatorFactory {
    public function __construct(private $ours) { parent::__construct(); }
    public function getInstance(Symfony\Component\Validator\Constraint $constraint)
    {
        return $constraint instanceof NotCompromisedPassword ? $this->ours : parent::getInstance($constraint);
    }
};
$validator = Validation::createValidatorBuilder()->setConstraintValidatorFactory($factory)->getValidator();
$refused = fn ($password, $options = []) => count($validator->validate($password, new NotCompromisedPassword($options))) > 0;

foreach ([
    'a leaked password is refused' => fn () => $refused('password'),
    'another password is accepted' => fn () => !$refused('not leaked at all'),
    'a threshold above the count accepts' => fn () => !$refused('password', ['threshold' => 20000000]),
    'a threshold below the count refuses' => fn () => $refused('password', ['threshold' => 10]),
] as $what => $question) {
    try {
        echo json_encode([$what, $question(), null]), "\n";
    } catch (Throwable $error) {
        echo json_encode([$what, false, (string) $error]), "\n";
    }
}
